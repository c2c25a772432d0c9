"""Batches that hold fixed shares of several data sets, such as labelled and unlabelled images."""

import math
from typing import Iterator, Optional, Sequence

import numpy as np
from mmengine.dist import get_dist_info, sync_random_seed
from torch.utils.data import ConcatDataset, Sampler

from mmhssakd.registry import DATA_SAMPLERS


@DATA_SAMPLERS.register_module()
class SharesSampler(Sampler):
    """Draw from the data sets of a ``ConcatDataset`` in fixed shares, whatever their sizes.

    ``shares=(1, 3)`` gives one image of the first data set, three of the second, and so on: a batch whose size is a
    multiple of 4 has exactly these shares on every process. An epoch is one pass over the first data set; the others
    go on where they were, so that every image is seen equally often. What an epoch draws depends on its number
    and the seed alone, and so a run can be resumed in the middle of it.

    Args:
        dataset (ConcatDataset): The data sets.
        shares (Sequence[int]): How many of each are drawn in turn.
        seed (int, optional): Defaults to one that all processes agree on.

    Raises:
        ValueError: ``dataset`` is no ``ConcatDataset``, or does not have as many data sets as there are shares.
    """

    def __init__(self, dataset: ConcatDataset, shares: Sequence[int], seed: Optional[int] = None) -> None:
        if not isinstance(dataset, ConcatDataset) or len(dataset.datasets) != len(shares) or min(shares) < 1:
            raise ValueError(
                f'SharesSampler.shares={tuple(shares)} needs a ConcatDataset of {len(shares)} data sets in '
                'train_dataloader.dataset, and a positive whole number for each.'
            )
        self.sizes = [len(part) for part in dataset.datasets]
        self.shares, self.epoch = tuple(shares), 0
        self.rank, self.world_size = get_dist_info()
        self.seed = sync_random_seed() if seed is None else seed
        self.turns = math.ceil(self.sizes[0] / self.shares[0] / self.world_size)  # of one process in an epoch

    def __len__(self) -> int:
        return self.turns * sum(self.shares)

    def set_epoch(self, epoch: int) -> None:
        """Which epoch the next iteration draws."""
        self.epoch = epoch

    def __iter__(self) -> Iterator[int]:
        turns = self.turns * self.world_size
        parts = [self.draw(part, self.epoch * turns * share, turns * share) for part, share in enumerate(self.shares)]
        for turn in range(self.rank, turns, self.world_size):
            for part, share in zip(parts, self.shares):
                yield from part[turn * share : (turn + 1) * share].tolist()

    def draw(self, part: int, start: int, number: int) -> np.ndarray:
        """Indices that a data set gives from its draw number ``start`` on; it is shuffled anew after each pass."""
        size, offset = self.sizes[part], sum(self.sizes[:part])
        passes = range(start // size, (start + number - 1) // size + 1)
        orders = [np.random.default_rng((self.seed, part, number)).permutation(size) for number in passes]
        order = np.concatenate(orders)
        return order[start % size : start % size + number] + offset
