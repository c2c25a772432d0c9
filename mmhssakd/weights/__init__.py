"""Checkpoints: one gate that reads them, files written in one step, and the one that a run goes on from."""

from .checkpoint import check_fit, load_weights, read_checkpoint, read_state_dict

__all__ = ['check_fit', 'load_weights', 'read_checkpoint', 'read_state_dict']
