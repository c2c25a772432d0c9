"""mmpretrain's preprocessor, for batches of views as well, with a check of the labels."""
import torch
from mmpretrain.models.utils import ClsDataPreprocessor

from mmhssakd.registry import MODELS


@MODELS.register_module()
class ViewsDataPreprocessor(ClsDataPreprocessor):
    """Normalise batches of images (N, C, H, W) or of views (N, M, C, H, W).

    All arguments are those of :class:`mmpretrain.models.ClsDataPreprocessor`.
    """

    def forward(self, data: dict, training: bool = False) -> dict:
        """Preprocess one collated batch; shapes are kept."""
        images = data['inputs']
        if not (isinstance(images, torch.Tensor) and images.ndim == 5):
            return super().forward(data, training)
        views = images.shape[:2]
        data = super().forward(dict(data, inputs=images.flatten(0, 1)), training)
        data['inputs'] = data['inputs'].unflatten(0, views)
        return data
