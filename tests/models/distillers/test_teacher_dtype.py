"""A teacher in mixed precision of its own, beside a student in float32."""

import pytest
import small
import torch

from mmhssakd.registry import MODELS


@pytest.fixture
def teacher(tmp_path) -> dict:
    torch.manual_seed(0)
    torch.save(dict(state_dict=MODELS.build(small.config()).state_dict()), tmp_path / 'teacher.pth')
    return dict(config=small.config(), checkpoint=str(tmp_path / 'teacher.pth'))


@pytest.mark.parametrize('branches', [True, False])
def test_losses(teacher, branches):
    options = {} if branches else dict(auxiliary_neck=None, views=None)
    plain, mixed = (
        MODELS.build(small.config(type='HSSAKD', teacher=dict(teacher, **more), **options)).eval()
        for more in ({}, dict(dtype='bfloat16'))
    )
    mixed.load_state_dict(plain.state_dict())
    seen = []
    mixed.teacher.backbone.register_forward_hook(lambda module, inputs, outputs: seen.append(outputs[-1].dtype))
    images = torch.randn(8, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    teached = mixed.teach(mixed.make_views(images))
    assert seen == [torch.bfloat16] and all(x.dtype == torch.float32 for x in [teached.p, *teached.q])
    exact = plain.teach(plain.make_views(images))
    for found, expected in zip([teached.p, *teached.q], [exact.p, *exact.q]):
        assert 0 < (found - expected).abs().max() < 0.03 * expected.abs().max()
    mixed.forward_views(images)
    assert next(mixed.parameters()).dtype == torch.float32 and len(seen) == 1


def test_other_types_are_refused(teacher):
    with pytest.raises(ValueError, match=r"model\.teacher\.dtype must be 'bfloat16' or 'float16', but got 'half'"):
        MODELS.build(small.config(type='HSSAKD', teacher=dict(teacher, dtype='half')))
