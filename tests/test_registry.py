import subprocess
import sys

import pytest
from mmengine.registry import DefaultScope

import mmhssakd
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


LATER = """
import sys
import mmhssakd

heavy = {'torchvision', 'mmdet', 'mmpretrain.models', 'mmhssakd.models', 'mmhssakd.engine'}
print(sorted(heavy & set(sys.modules)))
from mmpretrain.registry import MODELS
print(MODELS.get('mmhssakd.HSSAKD').__name__)
print(sorted(mmhssakd.registry.METRICS.module_dict))
"""


def test_components_are_imported_when_they_are_asked_for():
    done = subprocess.run([sys.executable, '-W', 'ignore', '-c', LATER], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ['[]', 'HSSAKD', "['PeersAccuracy', 'VOCMetric']"]


def test_what_the_package_has():
    assert all(getattr(mmhssakd, name) is not None for name in dir(mmhssakd))
    assert mmhssakd.models.HSSAKD is MODELS.get('HSSAKD')
    assert mmhssakd.apis.get_model is mmhssakd.get_model
    with pytest.raises(AttributeError, match="'mmhssakd' has no attribute 'distil'"):
        mmhssakd.distil  # noqa: B018


def test_a_torchvision_of_another_torch_is_told_when_it_is_needed(monkeypatch):
    def broken() -> None:
        raise ImportError('torchvision does not work with torch')

    monkeypatch.setattr('mmhssakd.registry.check_torchvision', broken)
    with pytest.raises(ImportError, match='torchvision does not work'):
        MODELS.build(dict(type='KDLoss'))
