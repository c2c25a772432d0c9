"""timm's networks with their own pooling: mmpretrain's ``TIMMBackbone`` ends before it."""

from typing import Any, Optional, Tuple

import torch
from mmpretrain.models.backbones.base_backbone import BaseBackbone

from mmhssakd.registry import MODELS


@MODELS.register_module()
class TimmBackbone(BaseBackbone):
    """A timm network up to its classifier: what its last linear layer sees, under its own module names.

    A classifier with ``neck=None`` and a ``LinearClsHead`` on it has timm's logits, for every network whose classifier
    is one linear layer: also those that normalize after pooling, or take a class token. It takes timm's checkpoints.

    Args:
        model_name (str): As in ``timm.list_models()``.
        init_cfg (dict, optional): Initialization config. Defaults to None, timm's own initialization.
        **kwargs: Arguments of ``timm.create_model``, such as ``pretrained`` or ``img_size``.

    Raises:
        ModuleNotFoundError: timm is not installed.
        ValueError: timm has no such network.
    """

    timm_model: Any

    def __init__(self, model_name: str, init_cfg: Optional[dict] = None, **kwargs: Any) -> None:
        super().__init__(init_cfg)
        try:
            import timm
        except ModuleNotFoundError:
            raise ModuleNotFoundError('mmhssakd.TimmBackbone needs timm: pip install timm.') from None
        if not timm.is_model(model_name):
            raise ValueError(f'no network {model_name!r}: timm.list_models() lists them.')
        self.timm_model = timm.create_model(model_name, num_classes=0, **kwargs)

    def forward(self, x: torch.Tensor) -> Tuple[torch.Tensor]:
        """Compute the pooled features of images (N, C, H, W), as a tuple of one: (N, F)."""
        return (self.timm_model.forward_head(self.timm_model.forward_features(x), pre_logits=True),)
