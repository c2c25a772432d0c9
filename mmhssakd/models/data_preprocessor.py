"""mmpretrain's preprocessor, for batches of views as well, with a check of the labels."""

from typing import Optional

import torch
from mmpretrain.models.utils import ClsDataPreprocessor

from mmhssakd.registry import MODELS
from .labels import check_labels


def preprocessor_config(config: Optional[dict], num_classes: Optional[int]) -> dict:
    """A data preprocessor's config, by default of :class:`ViewsDataPreprocessor`, that checks the labels."""
    return {'type': 'mmhssakd.ViewsDataPreprocessor', **(config or {}), 'num_classes': num_classes}


@MODELS.register_module()
class ViewsDataPreprocessor(ClsDataPreprocessor):
    """Normalize batches of images (N, C, H, W) or of views (N, M, C, H, W).

    All arguments are those of :class:`mmpretrain.models.ClsDataPreprocessor`. With ``num_classes``, labels are
    checked while they are still on the CPU.
    """

    def forward(self, data: dict, training: bool = False) -> dict:
        """Preprocess one collated batch; shapes are kept."""
        if training and self.num_classes:
            check_labels(data.get('data_samples') or [], self.num_classes)
        images = data['inputs']
        if not (isinstance(images, torch.Tensor) and images.ndim == 5):
            return super().forward(data, training)
        if training and self.batch_augments is not None:
            raise ValueError(
                'model.train_cfg.augments mixes images, not views: take RotateViews out of the data pipeline (the '
                'model makes the views), or remove the augments.'
            )
        views = images.shape[:2]
        data = super().forward(dict(data, inputs=images.flatten(0, 1)), training)
        data['inputs'] = data['inputs'].unflatten(0, views)
        return data
