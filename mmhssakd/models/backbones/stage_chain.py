"""What the CIFAR backbones share: a chain of named modules that the auxiliary neck can cut anywhere."""

from typing import List, Optional, Tuple

import torch
import torch.nn as nn
from mmpretrain.models.backbones.base_backbone import BaseBackbone


def conv_bn(in_channels: int, channels: int, kernel: int = 1, stride: int = 1, groups: int = 1) -> List[nn.Module]:
    """A convolution without bias that keeps the size, but for its stride, and its batch norm."""
    conv = nn.Conv2d(in_channels, channels, kernel, stride, kernel // 2, groups=groups, bias=False)
    return [conv, nn.BatchNorm2d(channels)]


class StageChain(BaseBackbone):
    """A backbone that runs its ``stem`` and then its ``chain``, module after module, which subclasses build and name.

    :class:`AuxiliaryNeck` takes its defaults from the same names.

    Attributes:
        stem (tuple[str]): Modules before and up to the first tap that no branch repeats.
        chain (tuple[str]): Modules after the stem, to the end of the backbone.
        taps (tuple[str]): Modules whose outputs are the features F_1 .. F_L.
        repeat (tuple[str]): Modules that the last branch repeats at stride 1.

    Args:
        init_cfg (dict | list, optional): Defaults to He initialization by fan-out, as the released networks have.
    """

    stem: Tuple[str, ...]
    chain: Tuple[str, ...]
    taps: Tuple[str, ...]
    repeat: Tuple[str, ...]

    def __init__(self, init_cfg: Optional[dict] = None) -> None:
        super().__init__(
            init_cfg or [dict(type='Kaiming', layer='Conv2d'), dict(type='Constant', layer='BatchNorm2d', val=1)]
        )

    def forward(self, x: torch.Tensor) -> Tuple[torch.Tensor]:
        """Compute the last feature map of images (N, 3, H, W), as a tuple of one."""
        for name in self.stem + self.chain:
            x = self.get_submodule(name)(x)
        return (x,)
