"""Wide residual networks for 32x32 images."""

from typing import Optional

import torch
import torch.nn as nn
import torch.nn.functional as F
from mmengine.model import BaseModule

from mmhssakd.registry import MODELS
from .stage_chain import StageChain


class PreActBlock(BaseModule):
    """Two 3x3 convolutions, each after batch norm and ReLU; a projection reads the activated input, too."""

    def __init__(self, in_channels: int, channels: int, stride: int) -> None:
        super().__init__()
        self.bn1 = nn.BatchNorm2d(in_channels)
        self.conv1 = nn.Conv2d(in_channels, channels, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        project = in_channels != channels
        self.downsample = nn.Conv2d(in_channels, channels, 1, stride, bias=False) if project else nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        activated = F.relu(self.bn1(x))
        shortcut = x if isinstance(self.downsample, nn.Identity) else self.downsample(activated)
        return shortcut + self.conv2(F.relu(self.bn2(self.conv1(activated))))


@MODELS.register_module()
class CIFARWideResNet(StageChain):
    """WRN-d-k: a 3x3 stem of 16 channels and three stages of (d - 4) / 6 pre-activation blocks, strides 1, 2, 2.

    Args:
        depth (int): 6n + 4, for example 16 or 40.
        widen_factor (int): Widths of the stages are 16, 32, 64 times this. Defaults to 1.
        init_cfg (dict | list, optional): See :class:`StageChain`.

    Raises:
        ValueError: ``depth`` is not 6n + 4.
    """

    stem = ('conv1',)
    chain = ('layer1', 'layer2', 'layer3', 'bn1', 'relu')
    taps = ('layer1', 'layer2', 'layer3')
    repeat = ('layer3',)

    def __init__(self, depth: int, widen_factor: int = 1, init_cfg: Optional[dict] = None) -> None:
        super().__init__(init_cfg)
        if depth < 10 or depth % 6 != 4:
            raise ValueError(f'CIFARWideResNet.depth must be 6n + 4 (10, 16, ..., 40), but got {depth!r}.')
        self.conv1 = nn.Conv2d(3, 16, 3, 1, 1, bias=False)
        in_channels = 16
        for i, (width, stride) in enumerate(((16, 1), (32, 2), (64, 2)), start=1):
            channels = width * widen_factor
            blocks = [PreActBlock(in_channels, channels, stride)]
            blocks += [PreActBlock(channels, channels, 1) for _ in range((depth - 4) // 6 - 1)]
            self.add_module(f'layer{i}', nn.Sequential(*blocks))
            in_channels = channels
        self.bn1 = nn.BatchNorm2d(in_channels)
        self.relu = nn.ReLU(inplace=True)
