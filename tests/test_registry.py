import pytest
from mmengine.registry import DefaultScope

from mmhssakd.registry import MODELS


@pytest.mark.parametrize('scope', ['mmengine', 'mmpretrain', 'mmdet', 'mmhssakd'])
@pytest.mark.parametrize(
    'name, module',
    [
        ('KDLoss', 'mmhssakd.models.losses.kd_loss'),
        ('mmhssakd.KDLoss', 'mmhssakd.models.losses.kd_loss'),
        ('mmpretrain.GlobalAveragePooling', 'mmpretrain.models.necks.gap'),
        ('mmdet.GIoULoss', 'mmdet.models.losses.iou_loss'),
    ],
)
def test_whose_type_a_name_is_under_any_default_scope(scope, name, module):
    with DefaultScope.overwrite_default_scope(scope):
        assert type(MODELS.build(dict(type=name))).__module__ == module


def test_what_we_lack_is_mmpretrains_without_a_scope():
    pooling = MODELS.build(dict(type='GlobalAveragePooling'))
    assert type(pooling).__module__ == 'mmpretrain.models.necks.gap'
