"""Random numbers that depend on a place in the run alone, not on what happened before."""

import random

import numpy as np
import torch


def seed_everything(*key: int, devices: bool = True) -> None:
    """Seed Python's, numpy's and torch's generators from numbers such as (seed of the run, rank, iteration).

    Generators that are seeded anew at every step need not be stored in checkpoints: a resumed run meets the same
    numbers as one that was never interrupted. ``SeedSequence`` makes unrelated streams of neighboring keys.

    Args:
        *key (int): The numbers.
        devices (bool): Also seed the generators of GPUs and the like. Loading a sample needs none.
    """
    state = np.random.SeedSequence(key).generate_state(4)
    random.seed(int(state[0]))
    np.random.seed(state[1:2])
    # torch.manual_seed notes a traceback for each kind of device that may come later, which takes 0.2 ms
    seed = torch.manual_seed if devices and torch.accelerator.is_available() else torch.default_generator.manual_seed
    seed(int(state[2]) << 32 | int(state[3]))
