"""Losses and their gradients stay finite where logits or batches are extreme."""

import hypothesis.strategies as st
import numpy as np
import pytest
import small
import torch
from hypothesis import given, settings
from hypothesis.extra.numpy import arrays

from mmhssakd.datasets.transforms import rotate_views
from mmhssakd.models import KDLoss
from mmhssakd.models.labels import joint_labels
from mmhssakd.registry import MODELS

LOSSES = [
    dict(type='KDLoss'),
    dict(type='DKDLoss'),
    dict(type='DISTLoss'),
    dict(type='StandardizedLoss'),
    dict(type='StandardizedLoss', loss=dict(type='DKDLoss', tau=2.0)),
]


@settings(max_examples=30, deadline=None)
@given(
    pair=arrays('float64', (2, 3, 4), elements=st.floats(-50, 50)), tau=st.floats(0.5, 10), shift=st.floats(-1e3, 1e3)
)
def test_kd_loss(pair, tau, shift):
    """Not negative, zero for equal logits, blind to a shift, and its gradient that of finite differences."""
    student, teacher = torch.from_numpy(pair)
    loss = KDLoss(tau)
    value = loss(student, teacher).item()
    assert value >= -1e-9
    assert loss(student, student).item() == pytest.approx(0, abs=1e-12)
    assert loss(student + shift, teacher - shift).item() == pytest.approx(value, rel=1e-6, abs=1e-6)
    assert torch.autograd.gradcheck(lambda s: loss(s, teacher), student.clone().requires_grad_())


@pytest.mark.parametrize('loss', LOSSES, ids=str)
@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16, torch.float32])
@settings(max_examples=20, deadline=None)
@given(signs=arrays('int8', (2, 3, 5), elements=st.sampled_from([-1, 0, 1])), size=st.sampled_from([0.0, 1.0, 1e4]))
def test_extreme_logits(loss, dtype, signs, size):
    student, teacher = (torch.from_numpy(x.astype(np.float32)).mul(size).to(dtype) for x in signs)
    student.requires_grad_()
    value = MODELS.build(loss)(student, teacher, torch.tensor([0, 3, 3]))
    value.backward()
    assert value.dtype == torch.float32 and torch.isfinite(value) and torch.isfinite(student.grad).all()


@pytest.mark.parametrize('loss', LOSSES, ids=str)
@pytest.mark.parametrize('labels', [[2], [3, 3, 3, 3], [0, 1, 2]])
def test_small_and_uniform_batches(loss, labels):
    student = torch.randn(len(labels), 5, requires_grad=True)
    value = MODELS.build(loss)(student, torch.randn(len(labels), 5), torch.tensor(labels))
    value.backward()
    assert torch.isfinite(value) and torch.isfinite(student.grad).all()


@pytest.mark.parametrize('labels', [[2], [7, 7, 7], [0, 1, 2]])
@pytest.mark.parametrize('kind', ['HSSAKD', 'OnlineHSSAKD', 'SSAClassifier'])
def test_models_on_small_and_uniform_batches(kind, labels, tmp_path):
    if kind == 'OnlineHSSAKD':
        model = MODELS.build(dict(type=kind, peers=[small.config(), small.config()]))
    else:
        torch.save(MODELS.build(small.config()).state_dict(), tmp_path / 'teacher.pth')
        teacher = dict(teacher=dict(config=small.config(), checkpoint=str(tmp_path / 'teacher.pth')))
        model = MODELS.build(small.config(type=kind, **(teacher if kind == 'HSSAKD' else {})))
    losses = model(torch.randn(len(labels), 3, 16, 16) * 100, small.samples(labels), mode='loss')
    sum(value for name, value in losses.items() if name.startswith('loss')).backward()
    assert all(torch.isfinite(value) for value in losses.values())
    assert all(torch.isfinite(p.grad).all() for p in model.parameters() if p.grad is not None)


@settings(max_examples=20, deadline=None)
@given(
    images=arrays(
        'float32',
        st.tuples(st.integers(1, 3), st.integers(1, 3), st.just(5), st.just(5)),
        elements=st.floats(-1e3, 1e3, width=32),
    )
)
def test_four_quarter_turns_are_none(images):
    turned = images = torch.from_numpy(images)
    for _ in range(4):
        turned = rotate_views(turned)[1::4]  # view 1 is a quarter turn
    assert torch.equal(turned, images)


@settings(max_examples=30, deadline=None)
@given(classes=st.integers(1, 50), views=st.integers(1, 24))
def test_joint_labels_are_a_bijection(classes, views):
    """Every pair of class and view has its own label, and no label is left over."""
    found = joint_labels(torch.arange(classes), views)
    assert sorted(found.tolist()) == list(range(classes * views))
    assert torch.equal(found // views, torch.arange(classes).repeat_interleave(views))
    assert torch.equal(found % views, torch.arange(views).repeat(classes))
