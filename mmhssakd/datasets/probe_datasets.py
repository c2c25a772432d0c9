"""The data sets of the linear probes, as they are distributed."""

import os.path as osp
from pathlib import Path
from typing import List, Tuple

import numpy as np
from mmpretrain.datasets import BaseDataset

from mmhssakd.registry import DATASETS


class _Splits(BaseDataset):
    """A data set whose ``data_root`` holds two labelled ``SPLITS``."""

    SPLITS: Tuple[str, str]
    ARCHIVE: str

    def __init__(self, data_root: str, split: str, **kwargs) -> None:
        if split not in self.SPLITS:
            expected = ' or '.join(map(repr, self.SPLITS))
            raise ValueError(f'{type(self).__name__}.split must be {expected}, but got {split!r}.')
        self.split = split
        super().__init__(ann_file='', data_root=data_root, **kwargs)

    def path(self, name: str) -> str:
        """Path of a file below ``data_root``, which must be there."""
        file = osp.join(self.data_root, name)
        if not osp.isfile(file):
            raise FileNotFoundError(f'{type(self).__name__}.data_root: no such file: {file}. Unpack {self.ARCHIVE}.')
        return file


@DATASETS.register_module()
class STL10(_Splits):
    """The labelled part of STL-10 from its binary files.

    Args:
        data_root (str): Folder ``stl10_binary``: train_X.bin, train_y.bin, test_X.bin, test_y.bin.
        split (str): 'train' (5,000 images of 96x96) or 'test' (8,000).
        **kwargs: Arguments of mmpretrain's ``BaseDataset``.

    Raises:
        ValueError: ``split`` is neither, or the two files of a split do not fit each other.
        FileNotFoundError: A file is missing.
    """

    METAINFO = dict(classes=('airplane', 'bird', 'car', 'cat', 'deer', 'dog', 'horse', 'monkey', 'ship', 'truck'))
    SPLITS, ARCHIVE = ('train', 'test'), 'stl10_binary.tar.gz'

    def load_data_list(self) -> List[dict]:
        """Read images (BGR, as mmcv's) and labels from 0."""
        pixels, labels = (np.fromfile(self.path(f'{self.split}_{part}.bin'), np.uint8) for part in 'Xy')
        if pixels.size != labels.size * 3 * 96 * 96:
            raise ValueError(
                f'{self.path(f"{self.split}_X.bin")} does not hold one image of 96x96 for each of the '
                f'{labels.size} labels.'
            )
        # the file is column-major: channel, column, row
        images = pixels.reshape(-1, 3, 96, 96).transpose(0, 3, 2, 1)[..., ::-1]
        return [dict(img=image, gt_label=int(label) - 1) for image, label in zip(images, labels)]


@DATASETS.register_module()
class TinyImageNet(_Splits):
    """Tiny-ImageNet: 200 classes, 64x64.

    Args:
        data_root (str): Folder ``tiny-imagenet-200``: wnids.txt, train/<wnid>/images, val/images and
            val/val_annotations.txt.
        split (str): 'train' (100,000 images) or 'val' (10,000; the test split has no labels).
        **kwargs: Arguments of mmpretrain's ``BaseDataset``.

    Raises:
        ValueError: ``split`` is neither.
        FileNotFoundError: A file is missing.
    """

    SPLITS, ARCHIVE = ('train', 'val'), 'tiny-imagenet-200.zip'

    def load_data_list(self) -> List[dict]:
        """List the images; labels are the places in the sorted list of WordNet ids."""
        root = Path(self.data_root)
        names = sorted(Path(self.path('wnids.txt')).read_text().split())
        self._metainfo['classes'] = tuple(names)
        if self.split == 'val':
            lines = Path(self.path('val/val_annotations.txt')).read_text().splitlines()
            pairs = [(root / 'val/images' / file, name) for file, name, *_ in (line.split('\t') for line in lines)]
        else:
            pairs = [(file, name) for name in names for file in sorted((root / 'train' / name).glob('images/*.JPEG'))]
        if not pairs:
            raise FileNotFoundError(f'TinyImageNet.data_root: no image in {root / self.split}.')
        labels = {name: i for i, name in enumerate(names)}
        return [dict(img_path=str(file), gt_label=labels[name]) for file, name in pairs]
