"""An auxiliary classifier, and stages for it where a backbone's own cannot be copied, or should not be."""

import torch
import torch.nn as nn
from mmengine.model import BaseModule

from mmhssakd.models.backbones.stage_chain import conv_bn
from mmhssakd.registry import MODELS
from .recompute import run_checkpointed


class Branch(BaseModule):
    """One auxiliary classifier: stages, global average pooling, a linear layer.

    Args:
        stages (nn.Module): Maps the tapped feature map to (N, ``in_channels``, H, W).
        in_channels (int): Channels that the stages return.
        num_labels (int): Number of joint labels, N * M.
        with_cp (bool): Run each stage a second time in the backward pass instead of keeping its activations.
            Defaults to False.
    """

    def __init__(self, stages: nn.Module, in_channels: int, num_labels: int, with_cp: bool = False) -> None:
        super().__init__()
        self.stages = stages
        self.fc = nn.Linear(in_channels, num_labels)
        self.with_cp = with_cp

    def run_stages(self, feature: torch.Tensor) -> torch.Tensor:
        """Run the stages; recomputed one at a time, the activations of one alone are there in the backward pass."""
        run = run_checkpointed if self.with_cp and torch.is_grad_enabled() else nn.Module.__call__
        for stage in self.stages if isinstance(self.stages, nn.Sequential) else (self.stages,):
            feature = run(stage, feature)
        return feature

    def forward(self, feature: torch.Tensor) -> torch.Tensor:
        """Classify a feature map (N, C, H, W); returns joint logits (N, N * M)."""
        return self.fc(self.run_stages(feature).flatten(2).mean(2))


@MODELS.register_module()
class ConvBranch(BaseModule):
    """A light convolutional branch: a 1x1 projection and depthwise separable convolutions of stride 2.

    Args:
        in_channels (int): Channels of the tapped feature map. The neck fills it in.
        channels (int): Channels of the branch. Defaults to 256.
        depth (int): Number of separable convolutions. Defaults to 2.
    """

    def __init__(self, in_channels: int, channels: int = 256, depth: int = 2) -> None:
        super().__init__([dict(type='Kaiming', layer='Conv2d'), dict(type='Constant', layer='BatchNorm2d', val=1)])
        self.out_channels = channels
        layers = [*conv_bn(in_channels, channels), nn.ReLU(inplace=True)]
        for _ in range(depth):
            layers += [*conv_bn(channels, channels, 3, 2, groups=channels), *conv_bn(channels, channels)]
            layers += [nn.ReLU(inplace=True)]
        self.layers = nn.Sequential(*layers)

    def forward(self, feature: torch.Tensor) -> torch.Tensor:
        """Map (N, in_channels, H, W) to (N, channels, h, w)."""
        return self.layers(feature)


@MODELS.register_module()
class TransformerBranch(BaseModule):
    """Transformer blocks on the tokens of a feature map.

    Args:
        in_channels (int): Channels of the tapped feature map. The neck fills it in.
        channels (int): Channels of the tokens. Defaults to 192.
        num_heads (int): Attention heads. Defaults to 3.
        depth (int): Number of blocks. Defaults to 1.
    """

    def __init__(self, in_channels: int, channels: int = 192, num_heads: int = 3, depth: int = 1) -> None:
        super().__init__(dict(type='TruncNormal', layer='Linear', std=0.02))
        self.out_channels = channels
        self.project = nn.Linear(in_channels, channels)
        self.position = nn.Conv2d(channels, channels, 3, 1, 1, groups=channels)  # tells the blocks who is beside whom
        options = dict(dropout=0.0, activation='gelu', batch_first=True, norm_first=True)
        blocks = [nn.TransformerEncoderLayer(channels, num_heads, 4 * channels, **options) for _ in range(depth)]
        self.blocks = nn.Sequential(*blocks)
        self.norm = nn.LayerNorm(channels)

    def forward(self, feature: torch.Tensor) -> torch.Tensor:
        """Map (N, in_channels, H, W) to (N, channels, H, W)."""
        height, width = feature.shape[2:]
        tokens = self.project(feature.flatten(2).transpose(1, 2))
        tokens = tokens + self.position(tokens.transpose(1, 2).unflatten(2, (height, width))).flatten(2).transpose(1, 2)
        return self.norm(self.blocks(tokens)).transpose(1, 2).unflatten(2, (height, width))
