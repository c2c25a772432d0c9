"""ShuffleNetV1 for 32x32 images."""

from typing import Optional

import torch
import torch.nn as nn
import torch.nn.functional as F
from mmengine.model import BaseModule
from mmpretrain.models.utils import channel_shuffle

from mmhssakd.registry import MODELS
from .stage_chain import StageChain


class ShuffleUnit(BaseModule):
    """Grouped 1x1, shuffle, depthwise 3x3, grouped 1x1, joined with the input by concatenation or addition.

    Unlike mmpretrain's unit, the bottleneck is a quarter of the channels that the unit computes, without those
    that concatenation adds, and a unit that reads the stem has a dense first convolution and no shuffle.

    Args:
        in_channels (int): Channels of the input.
        channels (int): Channels of the output.
        groups (int): Groups of the 1x1 convolutions.
        first_groups (int): Groups of the first of them.
        concatenate (bool): Halve the resolution and append the average-pooled input, instead of adding it.
    """

    def __init__(self, in_channels: int, channels: int, groups: int, first_groups: int, concatenate: bool) -> None:
        super().__init__()
        computed = channels - in_channels if concatenate else channels
        middle = computed // 4
        self.first_groups = first_groups
        self.concatenate = concatenate
        self.conv1 = nn.Conv2d(in_channels, middle, 1, groups=first_groups, bias=False)
        self.bn1 = nn.BatchNorm2d(middle)
        self.conv2 = nn.Conv2d(middle, middle, 3, 2 if concatenate else 1, 1, groups=middle, bias=False)
        self.bn2 = nn.BatchNorm2d(middle)
        self.conv3 = nn.Conv2d(middle, computed, 1, groups=groups, bias=False)
        self.bn3 = nn.BatchNorm2d(computed)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out = channel_shuffle(F.relu(self.bn1(self.conv1(x))), self.first_groups)
        out = F.relu(self.bn2(self.conv2(out)))  # a ReLU that the original ShuffleNet does not have
        out = self.bn3(self.conv3(out))
        if self.concatenate:
            return F.relu(torch.cat([out, F.avg_pool2d(x, 3, 2, 1)], dim=1))
        return F.relu(out + x)


@MODELS.register_module()
class CIFARShuffleNetV1(StageChain):
    """ShuffleNetV1: a 1x1 stem of 24 channels and three stages, each of which halves the resolution.

    Args:
        groups (int): Groups of the 1x1 convolutions. Defaults to 3.
        widths (tuple[int]): Channels of the stages. Defaults to (240, 480, 960).
        blocks (tuple[int]): Units of the stages. Defaults to (4, 8, 4).
        init_cfg (dict | list, optional): See :class:`StageChain`.
    """

    stem = ('conv1', 'bn1', 'relu')
    chain = taps = ('layer1', 'layer2', 'layer3')
    repeat = ('layer3',)

    def __init__(
        self,
        groups: int = 3,
        widths: tuple = (240, 480, 960),
        blocks: tuple = (4, 8, 4),
        init_cfg: Optional[dict] = None,
    ) -> None:
        super().__init__(init_cfg)
        self.groups = groups
        self.conv1 = nn.Conv2d(3, 24, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(24)
        self.relu = nn.ReLU(inplace=True)
        in_channels = 24
        for i, (channels, units) in enumerate(zip(widths, blocks), start=1):
            first = ShuffleUnit(in_channels, channels, groups, 1 if i == 1 else groups, concatenate=True)
            rest = [ShuffleUnit(channels, channels, groups, groups, concatenate=False) for _ in range(units - 1)]
            self.add_module(f'layer{i}', nn.Sequential(first, *rest))
            in_channels = channels

    def repeat_last_stage(self, in_channels: int) -> None:
        """Make ``layer3`` keep the shape of its input: its first unit adds instead of concatenating."""
        self.layer3[0] = ShuffleUnit(in_channels, in_channels, self.groups, self.groups, concatenate=False)
