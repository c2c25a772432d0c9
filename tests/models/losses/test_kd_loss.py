import math

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings
from hypothesis.extra.numpy import arrays

from mmhssakd.models import KDLoss

logits = arrays('float64', (2, 3, 4), elements=st.floats(-50, 50))


def by_hand(student, teacher, tau):
    """tau^2 / N * sum_i sum_k p_k (log p_k - log q_k), written out."""
    total = 0.0
    for s, t in zip(student.tolist(), teacher.tolist()):
        s_sum, t_sum = (sum(math.exp(v / tau) for v in row) for row in (s, t))
        for a, b in zip(s, t):
            p = math.exp(b / tau) / t_sum
            total += p * (math.log(p) - (a / tau - math.log(s_sum))) if p else 0.0
    return tau**2 * total / len(student)


@settings(max_examples=50, deadline=None)
@given(pair=logits, tau=st.floats(0.5, 10))
def test_properties(pair, tau):
    student, teacher = torch.from_numpy(pair)
    loss = KDLoss(tau)
    value = loss(student, teacher).item()
    assert value >= -1e-9
    assert value == pytest.approx(by_hand(student, teacher, tau), rel=1e-9, abs=1e-9)
    assert loss(teacher, teacher).item() == pytest.approx(0, abs=1e-12)
    assert loss(student + 7, teacher - 3).item() == pytest.approx(value, rel=1e-7, abs=1e-7)


def test_gradient_reaches_the_student_only():
    student = torch.randn(3, 4, dtype=torch.float64, requires_grad=True)
    teacher = torch.randn(3, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda s: KDLoss()(s, teacher.detach()), student)
    KDLoss()(student, teacher).backward()
    assert teacher.grad is None


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16, torch.float32])
def test_extreme_logits_are_finite(dtype):
    student = torch.tensor([[1e4, -1e4, 0.0]], dtype=dtype, requires_grad=True)
    value = KDLoss()(student, -student.detach())
    value.backward()
    assert torch.isfinite(value) and torch.isfinite(student.grad).all()


def test_weight():
    pair = torch.randn(2, 3, 4)
    assert KDLoss(loss_weight=2.0)(*pair).item() == pytest.approx(2 * KDLoss()(*pair).item())


@pytest.mark.parametrize('tau', [0, -3, float('nan'), float('inf'), '3'])
def test_bad_temperature(tau):
    with pytest.raises(ValueError, match='temperature'):
        KDLoss(tau=tau)
