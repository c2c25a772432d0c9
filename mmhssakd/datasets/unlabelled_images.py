"""Images without labels, for distillation: the mimicry of a teacher needs none."""

import os.path as osp
from typing import Any, List

from mmpretrain.datasets import CustomDataset

from mmhssakd.registry import DATASETS


@DATASETS.register_module()
class UnlabelledImages(CustomDataset):
    """All images below a folder, or those that a file lists.

    Args:
        data_root (str): As in mmpretrain's ``CustomDataset``, whose other arguments it takes, too.
        data_prefix (str): The folder below ``data_root``.
        ann_file (str): File below ``data_root`` with one image on each line, such as VOC's
            ``ImageSets/Main/trainval.txt``. Defaults to '', all images.
        suffix (str): Ending of listed names that have none. Defaults to '.jpg'.
        **kwargs: Others of ``CustomDataset``.
    """

    def __init__(
        self, data_root: str, data_prefix: str = '', ann_file: str = '', suffix: str = '.jpg', **kwargs: Any
    ) -> None:
        self.suffix = suffix
        super().__init__(data_root, data_prefix, ann_file, with_label=False, **kwargs)

    def load_data_list(self) -> List[dict]:
        """Find the images: ``img_path`` of each."""
        found = super().load_data_list()
        for info in found:
            info['img_path'] += '' if osp.splitext(info['img_path'])[1] else self.suffix
        return found
