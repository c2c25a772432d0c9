"""The few-shot protocol: the same part of every class."""

from typing import Any, Optional

import numpy as np
from mmpretrain.datasets import BaseDataset

from mmhssakd.registry import DATASETS


@DATASETS.register_module()
def StratifiedSubset(
    dataset: dict, fraction: Optional[float] = None, num_images: Optional[int] = None, seed: int = 0, skip: int = 0
) -> BaseDataset:
    """Build a dataset and keep a stratified random part of it (the paper's few-shot setting, 25 / 50 / 75 %).

    Args:
        dataset (dict): Config of an mmpretrain dataset.
        fraction (float, optional): Part of each class to keep, in (0, 1]. Give this or ``num_images``.
        num_images (int, optional): Images to keep in all, the same number of each class.
        seed (int): Seed of the choice, independent of the run's seed. Defaults to 0.
        skip (int): Images to pass over in all before: with those of another subset with this seed, this one is held
            out of that. Defaults to 0.

    Returns:
        BaseDataset: The dataset, with the chosen images only, in their original order.

    Raises:
        ValueError: Not exactly one of ``fraction`` and ``num_images`` is given, or it cannot be met.
    """
    if (fraction is None) == (num_images is None):
        raise ValueError('StratifiedSubset needs either fraction or num_images.')
    if fraction is not None and not 0 < fraction <= 1:
        raise ValueError(f'StratifiedSubset.fraction must be above 0 and at most 1, but got {fraction!r}.')
    images: Any = DATASETS.build(dataset)
    images.full_init()
    labels = images.get_gt_labels()
    classes = np.unique(labels)
    rng = np.random.RandomState(seed)
    chosen = []
    for label in classes:
        members = np.flatnonzero(labels == label)
        keep = round(len(members) * fraction) if fraction is not None else (num_images or 0) // len(classes)
        past = skip // len(classes)
        if not 1 <= keep <= len(members) - past:
            what = f'{keep} images of class {label}, which has {len(members)}' + f' and skips {past}' * bool(skip)
            raise ValueError(f'StratifiedSubset cannot keep {what}.')
        chosen.append(rng.permutation(members)[past : past + keep])
    images.get_subset_(np.sort(np.concatenate(chosen)).tolist())
    return images
