import pytest
from mmengine.registry import DefaultScope

from mmhssakd.registry import MODELS, TRANSFORMS

TYPES = [
    'HSSAKD',
    'OnlineHSSAKD',
    'SSAClassifier',
    'AuxiliaryNeck',
    'ConvBranch',
    'TransformerBranch',
    'KDLoss',
    'DKDLoss',
    'DISTLoss',
    'StandardizedLoss',
    'CIFARResNet',
    'CIFARWideResNet',
    'CIFARVGG',
    'CIFARMobileNetV2',
    'CIFARShuffleNetV1',
    'CIFARShuffleNetV2',
    'TorchvisionBackbone',
]


@pytest.mark.parametrize('name', TYPES)
def test_registered(name):
    assert MODELS.get(name).__module__.startswith('mmhssakd.')


def test_rotate_views_registered():
    assert TRANSFORMS.build(dict(type='RotateViews')).num_views == 4


@pytest.mark.parametrize('scope', [None, 'mmpretrain', 'mmdet', 'mmhssakd'])
@pytest.mark.parametrize('name', ['KDLoss', 'mmhssakd.KDLoss', 'GlobalAveragePooling'])
def test_build_under_any_default_scope(scope, name):
    if scope == 'mmhssakd' and name == 'GlobalAveragePooling':
        name = 'mmpretrain.GlobalAveragePooling'
    if scope == 'mmdet' and name == 'GlobalAveragePooling':
        name = 'mmpretrain.GlobalAveragePooling'
    if scope is None:
        assert MODELS.build(dict(type=name)) is not None
        return
    with DefaultScope.overwrite_default_scope(scope):
        assert MODELS.build(dict(type=name)) is not None
