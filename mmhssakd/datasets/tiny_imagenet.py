"""Tiny-ImageNet as it is distributed."""

from pathlib import Path
from typing import List

from mmpretrain.datasets import BaseDataset

from mmhssakd.registry import DATASETS


@DATASETS.register_module()
class TinyImageNet(BaseDataset):
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

    def __init__(self, data_root: str, split: str, **kwargs) -> None:
        if split not in ('train', 'val'):
            raise ValueError(f"TinyImageNet.split must be 'train' or 'val', but got {split!r}.")
        self.split = split
        super().__init__(ann_file='', data_root=data_root, **kwargs)

    def load_data_list(self) -> List[dict]:
        """List the images; labels are the places in the sorted list of WordNet ids."""
        root = Path(self.data_root)
        lists = [root / 'wnids.txt'] + ([root / 'val/val_annotations.txt'] if self.split == 'val' else [])
        for file in lists:
            if not file.is_file():
                raise FileNotFoundError(f'TinyImageNet.data_root: no such file: {file}. Unpack tiny-imagenet-200.zip.')
        names = sorted(lists[0].read_text().split())
        self._metainfo['classes'] = tuple(names)
        if self.split == 'val':
            lines = [line.split('\t') for line in lists[1].read_text().splitlines() if line.strip()]
            pairs = [(root / 'val/images' / line[0], line[1]) for line in lines]
        else:
            pairs = [
                (file, name) for name in names for file in sorted((root / 'train' / name / 'images').glob('*.JPEG'))
            ]
        if not pairs:
            raise FileNotFoundError(f'TinyImageNet.data_root: no image in {root / self.split}.')
        labels = {name: i for i, name in enumerate(names)}
        return [dict(img_path=str(file), gt_label=labels[name]) for file, name in pairs]
