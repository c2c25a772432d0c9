"""Random numbers that depend on a place in the run alone, not on what happened before."""

import random

import numpy as np
import torch


def seed_everything(*key: int) -> None:
    """Seed Python's, numpy's and torch's generators from numbers such as (seed of the run, rank, iteration).

    Generators that are seeded anew at every step need not be stored in checkpoints: a resumed run meets the same
    numbers as one that was never interrupted. ``SeedSequence`` makes unrelated streams of neighboring keys.
    """
    state = np.random.SeedSequence(key).generate_state(4)
    random.seed(int(state[0]))
    np.random.seed(state[1:2])
    torch.manual_seed(int(state[2]) << 32 | int(state[3]))
