"""Labels of a batch: classes, joint labels of class and view, mixed images, and what can be wrong with them."""

from typing import List, NamedTuple, Optional

import torch
from mmpretrain.structures import DataSample


class Labels(NamedTuple):
    """Labels of B images in M views; None for mixed images, which have none.

    Attributes:
        y (Tensor, optional): Class of each image, (B, ).
        k (Tensor, optional): Joint label of each row of the batch of views, (B * M, ).
        num_views (int): M.
    """

    y: Optional[torch.Tensor]
    k: Optional[torch.Tensor]
    num_views: int

    @property
    def rows(self) -> Optional[torch.Tensor]:
        """Class of each row of the batch of views, (B * M, )."""
        return None if self.y is None else self.y.repeat_interleave(self.num_views)


def joint_labels(labels: torch.Tensor, num_views: int) -> torch.Tensor:
    """Joint labels ``k_j = M * y + j`` of class and view: (B, ) to (B * M, )."""
    return (num_views * labels[:, None] + torch.arange(num_views, device=labels.device)).flatten()


def read_labels(data_samples: List[DataSample], num_views: int, mixed: bool = False) -> Labels:
    """Labels of B single-label samples, or none of mixed images if these are allowed.

    Raises:
        ValueError: A sample has no label, or several, or the images are mixed.
    """
    if 'gt_score' in data_samples[0]:  # mixup and its kin replace labels by scores
        if mixed:
            return Labels(None, None, num_views)
        raise ValueError(
            'Mixed images (mixup, cutmix) have no joint label of class and view: remove '
            'model.train_cfg.augments, and data_preprocessor.to_onehot.'
        )
    if any('gt_label' not in sample or sample.gt_label.numel() != 1 for sample in data_samples):
        raise ValueError('Each data sample needs exactly one gt_label. Multi-label data cannot be distilled by HSSAKD.')
    labels = torch.cat([sample.gt_label for sample in data_samples])
    return Labels(labels, joint_labels(labels, num_views), num_views)


def check_labels(data_samples: List[DataSample], num_classes: int) -> None:
    """Compare class labels with the number of classes, on the CPU only: it would stall a GPU.

    Raises:
        ValueError: A label is negative or not below ``num_classes``.
    """
    found = [sample.gt_label for sample in data_samples if 'gt_label' in sample]
    if not found or found[0].device.type != 'cpu':
        return
    bad = {label for label in torch.cat(found).tolist() if not 0 <= label < num_classes}
    if bad:
        raise ValueError(
            f'gt_label must be in 0 .. {num_classes - 1} (model.head.num_classes={num_classes}), but the '
            f'batch holds {sorted(bad)}. Check the annotations, or set model.head.num_classes.'
        )
