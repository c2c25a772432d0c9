"""mmpretrain's preprocessor, for batches of views as well, with a check of the labels."""

import logging
from typing import List, Optional

import torch
from mmengine.logging import print_log
from mmpretrain.models.utils import ClsDataPreprocessor
from mmpretrain.structures import DataSample

from mmhssakd.registry import MODELS
from .labels import check_labels, is_labelled

SUSPICIOUS = 1000


def preprocessor_config(config: Optional[dict], num_classes: Optional[int]) -> dict:
    """A data preprocessor's config, by default of :class:`ViewsDataPreprocessor`, that checks the labels."""
    return {'type': 'mmhssakd.ViewsDataPreprocessor', **(config or {}), 'num_classes': num_classes}


@MODELS.register_module()
class ViewsDataPreprocessor(ClsDataPreprocessor):
    """Normalize batches of images (N, C, H, W) or of views (N, M, C, H, W).

    All arguments are those of :class:`mmpretrain.models.ClsDataPreprocessor`. With ``num_classes``, labels are
    checked while they are still on the CPU.
    """

    batches_without_label = 0  # in a row

    def forward(self, data: dict, training: bool = False) -> dict:
        """Preprocess one collated batch; shapes are kept."""
        samples = data.get('data_samples') or []
        if training and samples:
            self.count_unlabelled(samples)
            if self.num_classes:
                check_labels(samples, self.num_classes)
        if not all(map(is_labelled, samples)):
            return self.forward_unlabelled(data, samples, training)
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

    def forward_unlabelled(self, data: dict, samples: List[DataSample], training: bool) -> dict:
        """Preprocess a batch in which images have no label: mmpretrain would take the first sample's word for all."""
        if training and self.batch_augments is not None:
            raise ValueError('model.train_cfg.augments mixes labels: remove it, or the images that have no label.')
        labelled = [sample for sample in samples if is_labelled(sample)]
        return dict(self.forward(dict(data, data_samples=labelled or None), training), data_samples=samples)

    def count_unlabelled(self, samples: List[DataSample]) -> None:
        """Say once if no image has had a label for long."""
        self.batches_without_label = 0 if any(map(is_labelled, samples)) else self.batches_without_label + 1
        if self.batches_without_label == SUSPICIOUS:
            print_log(
                f'{SUSPICIOUS} batches in a row held no labeled image, so loss_task has been 0. Is that intended? '
                'mmhssakd.SharesSampler gives every batch a share of them.',
                logger='current',
                level=logging.WARNING,
            )
