"""ResNets of 6n + 2 layers for 32x32 images."""

from mmpretrain.models.backbones.resnet import BasicBlock
from mmpretrain.models.backbones.resnet_cifar import ResNet_CIFAR

from mmhssakd.registry import MODELS


@MODELS.register_module()
class CIFARResNet(ResNet_CIFAR):
    """ResNet of depth 6n + 2: a 3x3 stem and three stages of n basic blocks with strides 1, 2, 2.

    Widths are ``stem_channels`` and then ``base_channels`` times 1, 2, 4. The paper's resnet20 and resnet56 have
    16 and 16 (the default); its resnet8x4 and resnet32x4 have 32 and 64. As in the released code, and other than in
    mmpretrain's networks, no block starts as the identity (``zero_init_residual=False``).

    Args:
        depth (int): 8, 14, 20, 26, 32, 44, 56 or 110.
        stem_channels (int): Channels of the stem. Defaults to 16.
        base_channels (int): Channels of the first stage. Defaults to 16.
        **kwargs: Arguments of mmpretrain's ``ResNet``.
    """

    arch_settings = {depth: (BasicBlock, ((depth - 2) // 6,) * 3) for depth in (8, 14, 20, 26, 32, 44, 56, 110)}

    def __init__(self, depth: int, stem_channels: int = 16, base_channels: int = 16, **kwargs) -> None:
        if depth not in self.arch_settings:
            raise ValueError(f'CIFARResNet has depth 6n + 2: one of {sorted(self.arch_settings)}, but got {depth!r}.')
        stages = dict(num_stages=3, strides=(1, 2, 2), dilations=(1, 1, 1), out_indices=(2,))
        kwargs = {**stages, 'zero_init_residual': False, **kwargs}
        if kwargs.get('init_cfg') is None:  # the network's own initialization, as None is in mmdet
            kwargs.pop('init_cfg', None)
        super().__init__(depth, stem_channels=stem_channels, base_channels=base_channels, **kwargs)
