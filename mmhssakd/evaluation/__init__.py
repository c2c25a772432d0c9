from .peers_accuracy import PeersAccuracy

__all__ = ['PeersAccuracy']
