"""VGG for 32x32 images."""

from typing import Optional

import torch.nn as nn

from mmhssakd.registry import MODELS
from .stage_chain import StageChain

# Convolutions in each of the five blocks.
DEPTHS = {8: (1, 1, 1, 1, 1), 11: (1, 1, 2, 2, 2), 13: (2, 2, 2, 2, 2), 16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}
WIDTHS = (64, 128, 256, 512, 512)


@MODELS.register_module()
class CIFARVGG(StageChain):
    """VGG with batch norm: five blocks of 3x3 convolutions, max-pools after the first three only.

    Args:
        depth (int): 8, 11, 13, 16 or 19. Defaults to 13.
        init_cfg (dict | list, optional): See :class:`StageChain`.

    Raises:
        ValueError: ``depth`` is another number.
    """

    # The ReLU that ends a block is a module of its own: the features are taken after it.
    stem = ('block0', 'relu0')
    chain = ('pool0', 'block1', 'relu1', 'pool1', 'block2', 'relu2', 'pool2', 'block3', 'relu3', 'block4', 'relu4')
    taps = ('relu0', 'relu1', 'relu2', 'relu4')
    repeat = ('block3', 'relu3', 'block4', 'relu4')

    def __init__(self, depth: int = 13, init_cfg: Optional[dict] = None) -> None:
        super().__init__(init_cfg)
        if depth not in DEPTHS:
            raise ValueError(f'CIFARVGG.depth must be one of {sorted(DEPTHS)}, but got {depth!r}.')
        in_channels = 3
        for i, (convs, channels) in enumerate(zip(DEPTHS[depth], WIDTHS)):
            layers = []
            for _ in range(convs):
                conv = nn.Conv2d(in_channels, channels, 3, padding=1)
                layers += [conv, nn.BatchNorm2d(channels), nn.ReLU(inplace=True)]
                in_channels = channels
            self.add_module(f'block{i}', nn.Sequential(*layers[:-1]))
            self.add_module(f'relu{i}', layers[-1])
            if i < 3:
                self.add_module(f'pool{i}', nn.MaxPool2d(2))
