"""mmpretrain's preprocessor, for batches of views as well, with a check of the labels."""

import torch
from mmpretrain.models.utils import ClsDataPreprocessor

from mmhssakd.registry import MODELS


def check_labels(labels: torch.Tensor, num_classes: int) -> None:
    """Compare class labels with the number of classes, on the CPU only: it would stall a GPU.

    Raises:
        ValueError: A label is negative or not below ``num_classes``.
    """
    if labels.device.type == 'cpu' and labels.numel() and not 0 <= labels.min() <= labels.max() < num_classes:
        bad = sorted(set(labels[(labels < 0) | (labels >= num_classes)].tolist()))
        raise ValueError(
            f'gt_label must be in 0 .. {num_classes - 1} (model.head.num_classes={num_classes}), but the '
            f'batch holds {bad}. Check the annotations, or set model.head.num_classes.'
        )


@MODELS.register_module()
class ViewsDataPreprocessor(ClsDataPreprocessor):
    """Normalise batches of images (N, C, H, W) or of views (N, M, C, H, W).

    All arguments are those of :class:`mmpretrain.models.ClsDataPreprocessor`. With ``num_classes``, labels are
    checked while they are still on the CPU.
    """

    def forward(self, data: dict, training: bool = False) -> dict:
        """Preprocess one collated batch; shapes are kept."""
        if training and self.num_classes:
            labels = [sample.gt_label for sample in data.get('data_samples') or () if 'gt_label' in sample]
            if labels:
                check_labels(torch.cat(labels), self.num_classes)
        images = data['inputs']
        if not (isinstance(images, torch.Tensor) and images.ndim == 5):
            return super().forward(data, training)
        if training and self.batch_augments is not None:
            raise ValueError(
                'model.train_cfg.augments mixes images, not views: take RotateViews out of the data '
                'pipeline (the model makes the views), or remove the augments.'
            )
        views = images.shape[:2]
        data = super().forward(dict(data, inputs=images.flatten(0, 1)), training)
        data['inputs'] = data['inputs'].unflatten(0, views)
        return data
