"""Sizes of the paper's networks, and what they refuse."""

from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from mmhssakd.registry import MODELS

CONFIGS = Path(__file__).parents[3] / 'configs' / 'cifar100'

# Parameters (M) for 100 classes as the literature on CIFAR-100 distillation gives them, and sides of the features.
NETWORKS = {
    'resnet20': (0.28, (32, 16, 8)),
    'resnet56': (0.86, (32, 16, 8)),
    'resnet8x4': (1.23, (32, 16, 8)),
    'resnet32x4': (7.43, (32, 16, 8)),
    'resnet50': (23.71, (32, 16, 8, 4)),
    'wrn16x2': (0.70, (32, 16, 8)),
    'wrn40x1': (0.57, (32, 16, 8)),
    'wrn40x2': (2.26, (32, 16, 8)),
    'vgg13': (9.46, (32, 16, 8, 4)),
    'mobilenetv2': (0.81, (32, 16, 8, 4)),
    'shufflenetv1': (0.95, (16, 8, 4)),
    'shufflenetv2': (1.36, (16, 8, 4)),
}


@pytest.mark.parametrize('network', NETWORKS)
def test_size(network):
    model = MODELS.build(Config.fromfile(CONFIGS / f'ce_{network}.py').model).eval()
    parameters, sides = NETWORKS[network]
    assert sum(p.numel() for p in model.parameters()) / 1e6 == pytest.approx(parameters, abs=0.0051)
    taps = getattr(model.backbone, 'taps', None) or model.backbone.res_layers
    found = []
    for tap in taps:
        model.backbone.get_submodule(tap).register_forward_hook(lambda module, args, out: found.append(out.shape[-1]))
    with torch.no_grad():
        assert model(torch.zeros(1, 3, 32, 32)).shape == (1, 100)
    assert tuple(found) == sides


@pytest.mark.parametrize(
    'config, message',
    [
        (dict(type='CIFARWideResNet', depth=20), 'depth must be 6n'),
        (dict(type='CIFARResNet', depth=18), r'depth 6n \+ 2'),
        (dict(type='CIFARVGG', depth=12), r'one of \[8, 11, 13, 16, 19\], but got 12'),
        (dict(type='CIFARShuffleNetV2', widen_factor=3), r'widen_factor must be one of'),
    ],
)
def test_bad_sizes(config, message):
    with pytest.raises(ValueError, match=message):
        MODELS.build(config)


@pytest.mark.parametrize(
    'config',
    [
        'hssakd_r18_imagenet',
        'teacher_r34_imagenet',
        'cifar100/ce_resnet20',
        'cifar100/ce_resnet50',
        'fashion_mnist/hssakd_r8',
    ],
)
def test_residual_blocks_start_as_in_the_released_code(config):
    """mmpretrain's own default lets every block start as the identity."""
    backbone = MODELS.build(Config.fromfile(CONFIGS.parent / f'{config}.py').model.backbone)
    backbone.init_weights()
    norms = [module for module in backbone.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    assert all(torch.equal(norm.weight, torch.ones_like(norm.weight)) for norm in norms)
