"""A fixed set of augmented crops of each image: what a teacher says of them can be kept."""

import random
from contextlib import contextmanager
from typing import Iterator

import numpy as np
import torch
from mmengine.dataset import RepeatDataset

from mmhssakd.registry import DATASETS


@contextmanager
def random_numbers_of(*key: int) -> Iterator[None]:
    """Seed Python's, numpy's and torch's CPU generators for a while; afterwards they go on from what they drew before.

    To seed numpy's generator anew takes a fortieth of the time in which its state is kept and restored.
    """
    after = random.getrandbits(64), np.random.randint(2**32, dtype=np.uint32), torch.get_rng_state()
    seeds = [int(number) for number in np.random.SeedSequence(key).generate_state(3)]
    random.seed(seeds[0])
    np.random.seed(seeds[1])
    torch.default_generator.manual_seed(seeds[2])
    try:
        yield
    finally:
        random.seed(after[0])
        np.random.seed(after[1])
        torch.set_rng_state(after[2])


@DATASETS.register_module()
class FixedCrops(RepeatDataset):
    """Let the random steps of a data set's pipeline choose among a few results for each image.

    Epochs are as long as without it: each takes one of an image's crops at random. The crops themselves are not stored;
    the same random numbers make them again. Their number in the data set is in the samples' ``crop``, which
    ``model.teacher.cache`` needs (*A Fast Knowledge Distillation Framework*, arXiv 2112.01528).

    Args:
        dataset (dict): Config of the data set.
        crops (int): How many of each image. Defaults to 4.
        seed (int): Of the crops, independent of the run's seed. Defaults to 0.
        mixed (float): Part of the crops that are blended with one of another image (*mixup*, arXiv 1710.09412, with a
            share from 0.5 to 1) and have no label: students mimic what the teacher says of them. Defaults to 0.

    Raises:
        ValueError: ``crops`` is no positive whole number, or ``mixed`` is not between 0 and 1.
    """

    def __init__(self, dataset: dict, crops: int = 4, seed: int = 0, mixed: float = 0.0) -> None:
        if not (isinstance(crops, int) and crops > 0):
            raise ValueError(f'FixedCrops.crops must be a positive whole number, but got {crops!r}.')
        if not 0 <= mixed <= 1:
            raise ValueError(f'FixedCrops.mixed must be between 0 and 1, but got {mixed!r}.')
        super().__init__(dataset, times=1)
        self.crops, self.seed, self.mixed = crops, seed, mixed

    def __getitem__(self, index: int) -> dict:
        """A random one of the crops of an image; ``crop`` of its data sample is (number, how many in all)."""
        number = index * self.crops + np.random.randint(self.crops)
        with random_numbers_of(self.seed, number):
            sample = super().__getitem__(index)
            if np.random.rand() < self.mixed:
                self.blend(sample)
        sample['data_samples'].set_metainfo(dict(crop=(number, len(self) * self.crops)))
        return sample

    def blend(self, sample: dict) -> None:
        """Mix another image into a sample, which loses its label."""
        other = super().__getitem__(np.random.randint(len(self)))
        image, share = sample['inputs'], np.random.uniform(0.5, 1)
        sample['inputs'] = (share * image + (1 - share) * other['inputs']).to(image.dtype)
        sample['data_samples'].pop('gt_label', None)
