"""ShuffleNets for 32x32 images."""

from typing import Optional

import torch
import torch.nn as nn
import torch.nn.functional as F
from mmengine.model import BaseModule
from mmpretrain.models.utils import channel_shuffle

from mmhssakd.registry import MODELS
from .stage_chain import StageChain, conv_bn

GROUPS = 3  # of ShuffleNetV1's 1x1 convolutions
# Of ShuffleNetV2: channels of the stages and of the last convolution.
WIDTHS = {0.5: (48, 96, 192, 1024), 1.0: (116, 232, 464, 1024), 1.5: (176, 352, 704, 1024), 2.0: (224, 488, 976, 2048)}


class ShuffleUnit(BaseModule):
    """Grouped 1x1, shuffle, depthwise 3x3, grouped 1x1; the input is added, or pooled to half its size and appended.

    Unlike mmpretrain's unit, the bottleneck is a quarter of the channels that the unit computes, without those
    that concatenation adds, and a unit that reads the stem has a dense first convolution and no shuffle.
    """

    def __init__(self, in_channels: int, channels: int, first_groups: int, concatenate: bool) -> None:
        super().__init__()
        computed = channels - in_channels if concatenate else channels
        middle = computed // 4
        self.first_groups = first_groups
        self.concatenate = concatenate
        self.conv1, self.bn1 = conv_bn(in_channels, middle, groups=first_groups)
        self.conv2, self.bn2 = conv_bn(middle, middle, 3, 2 if concatenate else 1, groups=middle)
        self.conv3, self.bn3 = conv_bn(middle, computed, groups=GROUPS)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out = channel_shuffle(F.relu(self.bn1(self.conv1(x))), self.first_groups)
        out = self.bn3(self.conv3(F.relu(self.bn2(self.conv2(out)))))  # the original ShuffleNet has no ReLU here
        return F.relu(torch.cat([out, F.avg_pool2d(x, 3, 2, 1)], dim=1) if self.concatenate else out + x)


@MODELS.register_module()
class CIFARShuffleNetV1(StageChain):
    """ShuffleNetV1, 3 groups: a 1x1 stem of 24 channels and three stages, each of which halves the resolution.

    Args:
        init_cfg (dict | list, optional): See :class:`StageChain`.
    """

    stem = ('conv1', 'bn1', 'relu')
    chain = taps = ('layer1', 'layer2', 'layer3')
    repeat = ('layer3',)

    def __init__(self, init_cfg: Optional[dict] = None) -> None:
        super().__init__(init_cfg)
        self.conv1, self.bn1 = conv_bn(3, 24)
        self.relu = nn.ReLU(inplace=True)
        in_channels = 24
        for i, (channels, units) in enumerate(((240, 4), (480, 8), (960, 4)), start=1):
            first = ShuffleUnit(in_channels, channels, 1 if i == 1 else GROUPS, concatenate=True)
            rest = [ShuffleUnit(channels, channels, GROUPS, concatenate=False) for _ in range(units - 1)]
            self.add_module(f'layer{i}', nn.Sequential(first, *rest))
            in_channels = channels

    def repeat_last_stage(self, in_channels: int) -> None:
        """Make ``layer3`` keep the shape of its input: its first unit adds instead of concatenating."""
        self.layer3[0] = ShuffleUnit(in_channels, in_channels, GROUPS, concatenate=False)


class SplitUnit(BaseModule):
    """Half of the channels pass, the other half go through 1x1, depthwise 3x3, 1x1; then a shuffle."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        half = channels // 2
        self.conv1, self.bn1 = conv_bn(half, half)
        self.conv2, self.bn2 = conv_bn(half, half, 3, groups=half)
        self.conv3, self.bn3 = conv_bn(half, half)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        passed, out = x.chunk(2, dim=1)
        out = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(out)))))
        out = F.relu(self.bn3(self.conv3(out)))
        return channel_shuffle(torch.cat([passed, out], dim=1), 2)


class DownUnit(BaseModule):
    """Two paths that both read the whole input, halve its resolution and are concatenated and shuffled."""

    def __init__(self, in_channels: int, channels: int) -> None:
        super().__init__()
        half = channels // 2
        self.conv1, self.bn1 = conv_bn(in_channels, in_channels, 3, 2, groups=in_channels)
        self.conv2, self.bn2 = conv_bn(in_channels, half)
        self.conv3, self.bn3 = conv_bn(in_channels, half)
        self.conv4, self.bn4 = conv_bn(half, half, 3, 2, groups=half)
        self.conv5, self.bn5 = conv_bn(half, half)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        first = F.relu(self.bn2(self.conv2(self.bn1(self.conv1(x)))))
        second = self.bn4(self.conv4(F.relu(self.bn3(self.conv3(x)))))
        second = F.relu(self.bn5(self.conv5(second)))
        return channel_shuffle(torch.cat([first, second], dim=1), 2)


@MODELS.register_module()
class CIFARShuffleNetV2(StageChain):
    """ShuffleNetV2: a 1x1 stem of 24 channels, three stages that halve the resolution, a last 1x1 convolution.

    Args:
        widen_factor (float): 0.5, 1, 1.5 or 2. Defaults to 1, the paper's.
        init_cfg (dict | list, optional): See :class:`StageChain`.

    Raises:
        ValueError: ``widen_factor`` is another number.
    """

    stem = ('conv1', 'bn1', 'relu1')
    chain = ('layer1', 'layer2', 'layer3', 'conv2', 'bn2', 'relu2')
    taps = ('layer1', 'layer2', 'layer3')
    repeat = ('layer3',)

    def __init__(self, widen_factor: float = 1.0, init_cfg: Optional[dict] = None) -> None:
        super().__init__(init_cfg)
        if widen_factor not in WIDTHS:
            raise ValueError(f'CIFARShuffleNetV2.widen_factor must be one of {list(WIDTHS)}, but got {widen_factor!r}.')
        *widths, last = WIDTHS[widen_factor]
        self.conv1, self.bn1 = conv_bn(3, 24)
        self.relu1 = nn.ReLU(inplace=True)
        in_channels = 24
        for i, (channels, units) in enumerate(zip(widths, (3, 7, 3)), start=1):
            rest = [SplitUnit(channels) for _ in range(units)]
            self.add_module(f'layer{i}', nn.Sequential(DownUnit(in_channels, channels), *rest))
            in_channels = channels
        self.conv2, self.bn2 = conv_bn(in_channels, last)
        self.relu2 = nn.ReLU(inplace=True)
