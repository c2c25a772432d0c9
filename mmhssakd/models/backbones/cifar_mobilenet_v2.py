"""MobileNetV2 for 32x32 images."""

from typing import Optional

import torch
import torch.nn as nn
from mmengine.model import BaseModule

from mmhssakd.registry import MODELS
from .stage_chain import StageChain, conv_bn

# Of each stage: channels at width 1, blocks, stride of the first block.
STAGES = ((16, 1, 1), (24, 2, 1), (32, 3, 2), (64, 4, 2), (96, 3, 1), (160, 3, 2), (320, 1, 1))


class InvertedResidual(BaseModule):
    """Expand by a 1x1, filter by a depthwise 3x3, project by a linear 1x1 convolution; add the input if it fits.

    mmpretrain's leaves the expansion out when its factor is 1; here it stays, as in the released networks.
    """

    def __init__(self, in_channels: int, channels: int, stride: int, expand_ratio: int) -> None:
        super().__init__()
        self.residual = stride == 1 and in_channels == channels
        hidden = in_channels * expand_ratio
        self.conv = nn.Sequential(
            *conv_bn(in_channels, hidden),
            nn.ReLU(inplace=True),
            *conv_bn(hidden, hidden, 3, stride, groups=hidden),
            nn.ReLU(inplace=True),
            *conv_bn(hidden, channels),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.conv(x) if self.residual else self.conv(x)


@MODELS.register_module()
class CIFARMobileNetV2(StageChain):
    """MobileNetV2 with a stem of stride 1, three halvings of the resolution, ReLU instead of ReLU6, any widths.

    Args:
        widen_factor (float): Factor on all widths but the last (1280). Defaults to 0.5, the paper's.
        expand_ratio (int): Hidden channels per input channel, from the second stage on. Defaults to 6.
        init_cfg (dict | list, optional): See :class:`StageChain`.
    """

    stem = ('conv1', 'blocks.0')
    chain = ('blocks.1', 'blocks.2', 'blocks.3', 'blocks.4', 'blocks.5', 'blocks.6', 'conv2')
    taps = ('blocks.1', 'blocks.2', 'blocks.4', 'blocks.6')
    repeat = ('blocks.5', 'blocks.6')

    def __init__(self, widen_factor: float = 0.5, expand_ratio: int = 6, init_cfg: Optional[dict] = None) -> None:
        super().__init__(init_cfg)
        self.widen_factor = widen_factor
        self.expand_ratio = expand_ratio
        in_channels = int(32 * widen_factor)
        self.conv1 = nn.Sequential(*conv_bn(3, in_channels, 3), nn.ReLU(inplace=True))
        self.blocks = nn.ModuleList()
        for i, (width, _, stride) in enumerate(STAGES):
            self.blocks.append(self._make_stage(i, in_channels, stride))
            in_channels = int(width * widen_factor)
        last = max(1280, int(1280 * widen_factor))
        self.conv2 = nn.Sequential(*conv_bn(in_channels, last), nn.ReLU(inplace=True))

    def _make_stage(self, i: int, in_channels: int, stride: int) -> nn.Sequential:
        width, blocks, _ = STAGES[i]
        channels = int(width * self.widen_factor)
        ratio = self.expand_ratio if i else 1
        return nn.Sequential(
            InvertedResidual(in_channels, channels, stride, ratio),
            *[InvertedResidual(channels, channels, 1, ratio) for _ in range(blocks - 1)],
        )

    def repeat_last_stage(self, in_channels: int) -> None:
        """Make ``repeat`` read ``in_channels`` channels at stride 1; the hidden width grows with them."""
        self.blocks[5] = self._make_stage(5, in_channels, stride=1)
