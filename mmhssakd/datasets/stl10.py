"""STL-10 as it is distributed."""

import os.path as osp
from typing import List

import numpy as np
from mmpretrain.datasets import BaseDataset

from mmhssakd.registry import DATASETS


@DATASETS.register_module()
class STL10(BaseDataset):
    """The labeled part of STL-10 from its binary files.

    Args:
        data_root (str): Folder ``stl10_binary``: train_X.bin, train_y.bin, test_X.bin, test_y.bin.
        split (str): 'train' (5,000 images of 96x96) or 'test' (8,000).
        **kwargs: Arguments of mmpretrain's ``BaseDataset``.

    Raises:
        ValueError: ``split`` is neither, or the two files of a split do not fit each other.
        FileNotFoundError: A file is missing.
    """

    METAINFO = dict(classes=('airplane', 'bird', 'car', 'cat', 'deer', 'dog', 'horse', 'monkey', 'ship', 'truck'))

    def __init__(self, data_root: str, split: str, **kwargs) -> None:
        if split not in ('train', 'test'):
            raise ValueError(f"STL10.split must be 'train' or 'test', but got {split!r}.")
        self.split = split
        super().__init__(ann_file='', data_root=data_root, **kwargs)

    def load_data_list(self) -> List[dict]:
        """Read images (BGR, as mmcv's) and labels from 0."""
        files = [osp.join(self.data_root, f'{self.split}_{part}.bin') for part in 'Xy']
        pixels, labels = (np.fromfile(file, np.uint8) for file in files)
        if pixels.size != len(labels) * 3 * 96 * 96:
            raise ValueError(f'{files[0]} does not hold one image of 96x96 for each of the {len(labels)} labels.')
        # the file is column-major: channel, column, row
        images = pixels.reshape(-1, 3, 96, 96).transpose(0, 3, 2, 1)[..., ::-1]
        return [dict(img=image, gt_label=int(label) - 1) for image, label in zip(images, labels)]
