"""Tiny-ImageNet as it is distributed."""

from pathlib import Path
from typing import List

from mmpretrain.datasets import CustomDataset
from mmpretrain.datasets.custom import find_folders

from mmhssakd.registry import DATASETS


@DATASETS.register_module()
class TinyImageNet(CustomDataset):
    """Tiny-ImageNet: 200 classes, 64x64. Labels are the places in the sorted list of WordNet ids.

    Args:
        data_root (str): Folder ``tiny-imagenet-200``: train/<wnid>/images, val/images and val/val_annotations.txt.
        split (str): 'train' (100,000 images) or 'val' (10,000; the test split has no labels).
        **kwargs: Arguments of mmpretrain's ``CustomDataset``.

    Raises:
        ValueError: ``split`` is neither.
        FileNotFoundError: A folder or the file is missing.
    """

    def __init__(self, data_root: str, split: str, **kwargs) -> None:
        if split not in ('train', 'val'):
            raise ValueError(f"TinyImageNet.split must be 'train' or 'val', but got {split!r}.")
        self.split = split
        classes = tuple(find_folders(f'{data_root}/train')[0])
        super().__init__(data_root=data_root, data_prefix='train', metainfo=dict(classes=classes), **kwargs)

    def load_data_list(self) -> List[dict]:
        """List the images."""
        if self.split == 'train':
            return super().load_data_list()
        folder = Path(self.data_root, 'val')
        lines = [line.split('\t') for line in (folder / 'val_annotations.txt').read_text().splitlines()]
        return [
            dict(img_path=str(folder / 'images' / file), gt_label=self.class_to_idx[name]) for file, name, *_ in lines
        ]
