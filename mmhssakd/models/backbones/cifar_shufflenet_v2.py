"""ShuffleNetV2 for 32x32 images."""

from typing import Optional

import torch
import torch.nn as nn
import torch.nn.functional as F
from mmengine.model import BaseModule
from mmpretrain.models.utils import channel_shuffle

from mmhssakd.registry import MODELS
from .stage_chain import StageChain

WIDTHS = {0.5: (48, 96, 192, 1024), 1.0: (116, 232, 464, 1024), 1.5: (176, 352, 704, 1024), 2.0: (224, 488, 976, 2048)}


class SplitUnit(BaseModule):
    """Half of the channels pass, the other half go through 1x1, depthwise 3x3, 1x1; then a shuffle.

    Args:
        channels (int): Channels of input and output.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        half = channels // 2
        self.conv1 = nn.Conv2d(half, half, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(half)
        self.conv2 = nn.Conv2d(half, half, 3, 1, 1, groups=half, bias=False)
        self.bn2 = nn.BatchNorm2d(half)
        self.conv3 = nn.Conv2d(half, half, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(half)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        passed, out = x.chunk(2, dim=1)
        out = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(out)))))
        out = F.relu(self.bn3(self.conv3(out)))
        return channel_shuffle(torch.cat([passed, out], dim=1), 2)


class DownUnit(BaseModule):
    """Two paths that both read the whole input, halve its resolution and are concatenated and shuffled.

    Unlike mmpretrain's, it may have stride 1, as at the head of the repeated stage.

    Args:
        in_channels (int): Channels of the input.
        channels (int): Channels of the output.
    """

    def __init__(self, in_channels: int, channels: int) -> None:
        super().__init__()
        half = channels // 2
        self.conv1 = nn.Conv2d(in_channels, in_channels, 3, 2, 1, groups=in_channels, bias=False)
        self.bn1 = nn.BatchNorm2d(in_channels)
        self.conv2 = nn.Conv2d(in_channels, half, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(half)
        self.conv3 = nn.Conv2d(in_channels, half, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(half)
        self.conv4 = nn.Conv2d(half, half, 3, 2, 1, groups=half, bias=False)
        self.bn4 = nn.BatchNorm2d(half)
        self.conv5 = nn.Conv2d(half, half, 1, bias=False)
        self.bn5 = nn.BatchNorm2d(half)

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
            raise ValueError(
                f'CIFARShuffleNetV2.widen_factor must be one of {sorted(WIDTHS)}, but got {widen_factor!r}.'
            )
        *widths, last = WIDTHS[widen_factor]
        self.conv1 = nn.Conv2d(3, 24, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(24)
        self.relu1 = nn.ReLU(inplace=True)
        in_channels = 24
        for i, (channels, units) in enumerate(zip(widths, (3, 7, 3)), start=1):
            self.add_module(
                f'layer{i}',
                nn.Sequential(DownUnit(in_channels, channels), *[SplitUnit(channels) for _ in range(units)]),
            )
            in_channels = channels
        self.conv2 = nn.Conv2d(in_channels, last, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(last)
        self.relu2 = nn.ReLU(inplace=True)
