"""The teacher sees the student's views as if its own preprocessor had prepared them."""

import pytest
import small
import torch
import torch.nn.functional as F

from mmhssakd.models.distillers.preparation import Preparation
from mmhssakd.registry import MODELS

OURS = dict(mean=[120.0, 110.0, 100.0], std=[60.0, 58.0, 56.0], to_rgb=True)
THEIRS = [
    dict(OURS, mean=[127.5, 127.5, 127.5]),
    dict(OURS, std=[1.0, 2.0, 3.0]),
    dict(mean=[100.0, 110.0, 120.0], std=[56.0, 58.0, 60.0], to_rgb=False),
    dict(mean=[0.0, 1.0, 2.0], std=[255.0, 254.0, 253.0], to_rgb=False),
    dict(mean=[127.5], std=[127.5], to_rgb=True),
]


@pytest.fixture
def teacher(tmp_path) -> dict:
    torch.manual_seed(0)
    config = small.config(data_preprocessor=dict(OURS))
    torch.save(dict(state_dict=MODELS.build(config).state_dict()), tmp_path / 'teacher.pth')
    return dict(config=config, checkpoint=str(tmp_path / 'teacher.pth'))


def build(teacher, preprocessor=OURS, **kwargs):
    return MODELS.build(small.config(type='HSSAKD', teacher=teacher, data_preprocessor=preprocessor, **kwargs)).double()


def prepared(model, pixels, training=True):
    return model.data_preprocessor(dict(inputs=pixels.clone()), training)['inputs'].double()


@pytest.mark.parametrize('theirs', THEIRS, ids=str)
@pytest.mark.parametrize('branches', [True, False])
def test_other_normalization(theirs, branches, teacher):
    teacher['config'] = small.config(data_preprocessor=dict(theirs))
    model = build(teacher, **({} if branches else dict(auxiliary_neck=None)))
    pixels = torch.randint(0, 256, (4, 3, 16, 16), dtype=torch.uint8)
    found = model.teach(prepared(model, pixels))
    expected = model.teacher.forward_views(prepared(model.teacher, pixels))
    torch.testing.assert_close(found.p, expected.p, rtol=1e-5, atol=1e-5)
    wrong = model.teacher.forward_views(prepared(model, pixels))
    assert (wrong.p - expected.p).abs().max() > 1e-4
    for q, other in zip(found.q, expected.q):
        torch.testing.assert_close(q, other, rtol=1e-5, atol=1e-5)


def test_equal_settings_cost_nothing(teacher):
    images = torch.randn(2, 3, 16, 16)
    # without a mean images are normalized in the pipeline, perhaps
    for model in (build(teacher), build(teacher, None), build(dict(teacher, size=16))):
        assert model.teacher and isinstance(model.preparation, Preparation)
        assert model.preparation(images) is images and not dict(model.preparation.named_buffers())


@pytest.mark.parametrize('interpolation', ['bilinear', 'bicubic', 'area'])
def test_other_size(interpolation, teacher):
    model = build(dict(teacher, size=24, interpolation=interpolation))
    images = torch.randn(2, 3, 16, 16).double()
    antialias = dict(antialias=True) if interpolation != 'area' else {}
    expected = model.teacher.forward_views(F.interpolate(images, 24, mode=interpolation, **antialias))
    torch.testing.assert_close(model.teach(images).p, expected.p)


def test_it_is_in_no_checkpoint_and_moves_along(teacher):
    teacher['config'] = small.config(data_preprocessor=dict(THEIRS[0]))
    model = build(teacher)
    names = set(model.teacher.state_dict())
    assert not any('preparation' in name for name in names | set(model.state_dict()))
    assert model.preparation.scale.dtype == torch.float64
    assert model.float().preparation.scale.dtype == torch.float32


@pytest.mark.parametrize('options', [dict(size=0), dict(size=2.5), dict(interpolation='lanczos')])
def test_wrong_options(options):
    with pytest.raises(ValueError, match=f'model.teacher.{next(iter(options))} must be'):
        Preparation(None, None, **options)
