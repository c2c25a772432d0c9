"""torchvision's classification networks as backbones; mmpretrain wraps timm's and Hugging Face's only."""

from itertools import takewhile
from typing import Optional, Tuple

import torch
import torchvision
from mmpretrain.models.backbones.base_backbone import BaseBackbone

from mmhssakd.registry import MODELS

POOLING = ('avgpool', 'classifier', 'head', 'fc')


@MODELS.register_module()
class TorchvisionBackbone(BaseBackbone):
    """A torchvision network up to its global pooling, under its own module names.

    It fits networks whose children run one after the other: ResNet, RegNet's stages, MobileNet, EfficientNet,
    ConvNeXt, DenseNet, VGG and their kin.

    Args:
        name (str): As in ``torchvision.models.list_models()``.
        weights (str, optional): As in ``torchvision.models.get_model``. Defaults to None.
        init_cfg (dict, optional): Initialization config. Defaults to None, torchvision's own initialization.
        **kwargs: Arguments of the network.

    Raises:
        ValueError: torchvision has no such network.
    """

    def __init__(self, name: str, weights: Optional[str] = None, init_cfg: Optional[dict] = None, **kwargs) -> None:
        super().__init__(init_cfg)
        if name not in torchvision.models.list_models(torchvision.models):
            raise ValueError(f'no network {name!r}: torchvision.models.list_models(torchvision.models) lists them.')
        children = dict(torchvision.models.get_model(name, weights=weights, **kwargs).named_children())
        self.names = list(takewhile(lambda child: child not in POOLING, children))
        for child in self.names:
            self.add_module(child, children[child])
        self.ends_in_relu = name.startswith('densenet')  # which torchvision calls as a function, before pooling

    def forward(self, x: torch.Tensor) -> Tuple[torch.Tensor]:
        """Compute the last feature map of images (N, 3, H, W), as a tuple of one."""
        for name in self.names:
            x = getattr(self, name)(x)
        return (x.relu() if self.ends_in_relu else x,)
