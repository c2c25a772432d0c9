"""Labels of a batch: classes, joint labels of class and view, images without a label, and what can be wrong."""

from typing import List, NamedTuple, Optional

import torch
from mmpretrain.structures import DataSample


class Labels(NamedTuple):
    """Labels of the L labelled ones of B images in M views; None for mixed images, which have none.

    Attributes:
        y (Tensor, optional): Class of each labelled image, (L, ).
        k (Tensor, optional): Joint label of each of their rows in the batch of views, (L * M, ).
        num_views (int): M.
        labelled (Tensor, optional): Numbers of the labelled images, (L, ); None if all are.
    """

    y: Optional[torch.Tensor]
    k: Optional[torch.Tensor]
    num_views: int
    labelled: Optional[torch.Tensor] = None

    @property
    def complete(self) -> 'Labels':
        """These labels if every image has one, otherwise none: what a loss over all rows may use."""
        return self if self.labelled is None else Labels(None, None, self.num_views)

    @property
    def rows(self) -> Optional[torch.Tensor]:
        """Class of each row of :attr:`k`, (L * M, )."""
        return None if self.y is None else self.y.repeat_interleave(self.num_views)

    def select(self, rows: torch.Tensor) -> torch.Tensor:
        """Those of a batch's rows, (B * M, ...), that are views of labelled images: (L * M, ...)."""
        if self.labelled is None:
            return rows
        return rows.unflatten(0, (-1, self.num_views))[self.labelled].flatten(0, 1)


def joint_labels(labels: torch.Tensor, num_views: int) -> torch.Tensor:
    """Joint labels ``k_j = M * y + j`` of class and view: (B, ) to (B * M, )."""
    return (num_views * labels[:, None] + torch.arange(num_views, device=labels.device)).flatten()


def is_labelled(sample: DataSample) -> bool:
    """Whether a sample has a label, or scores in its place."""
    return 'gt_label' in sample or 'gt_score' in sample


def read_labels(data_samples: List[DataSample], num_views: int, device: torch.device, mixed: bool = False) -> Labels:
    """Labels of B samples with one label or none each, or none of mixed images if these are allowed.

    Raises:
        ValueError: A sample has several labels, or the images are mixed.
    """
    if any('gt_score' in sample for sample in data_samples):  # mixup and its kin replace labels by scores
        if mixed:
            return Labels(None, None, num_views)
        raise ValueError(
            'Mixed images (mixup, cutmix) have no joint label of class and view: remove '
            'model.train_cfg.augments, and data_preprocessor.to_onehot.'
        )
    found = [sample.gt_label for sample in data_samples if 'gt_label' in sample]
    if any(label.numel() != 1 for label in found):
        raise ValueError('A data sample needs one gt_label, or none. Multi-label data cannot be distilled by HSSAKD.')
    labels = torch.cat(found) if found else torch.empty(0, dtype=torch.long, device=device)
    labelled = None
    if len(found) < len(data_samples):
        numbers = [i for i, sample in enumerate(data_samples) if 'gt_label' in sample]
        labelled = torch.tensor(numbers, dtype=torch.long, device=device)
    return Labels(labels, joint_labels(labels, num_views), num_views, labelled)


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
