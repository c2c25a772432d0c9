"""DKD, DIST and logit standardization against their papers' formulas, written out with numpy and scipy."""

import numpy as np
import pytest
import small
import torch
from scipy.special import softmax
from scipy.stats import pearsonr, zscore

from mmhssakd.registry import MODELS

LABELS = torch.tensor([0, 3, 4, 3, 1, 2])


@pytest.fixture
def pair():
    rng = np.random.RandomState(0)
    return rng.randn(6, 5), rng.randn(6, 5) * 2


def loss(pair, **config) -> float:
    return MODELS.build(config)(*map(torch.from_numpy, pair), LABELS).item()


def kl(p, q) -> float:
    return float((p * np.log(p / q)).sum())


def dkd(student, teacher, tau, alpha, beta) -> float:
    total = 0.0
    for s, t, y in zip(student, teacher, LABELS.tolist()):
        p_s, p_t = softmax(s / tau), softmax(t / tau)
        rest_s, rest_t = np.delete(p_s, y), np.delete(p_t, y)
        tckd = kl(np.array([p_t[y], rest_t.sum()]), np.array([p_s[y], rest_s.sum()]))
        nckd = kl(rest_t / rest_t.sum(), rest_s / rest_s.sum())
        total += tau**2 * (alpha * tckd + beta * nckd)
    return total / len(student)


def test_dkd(pair):
    assert loss(pair, type='DKDLoss') == pytest.approx(dkd(*pair, 4, 1, 8), rel=1e-10)
    assert loss(pair, type='DKDLoss', tau=2.0, alpha=0.5, beta=3.0, loss_weight=2.0) == pytest.approx(
        2 * dkd(*pair, 2, 0.5, 3), rel=1e-10
    )


def test_dist(pair):
    p, q = (softmax(x / 2, axis=1) for x in pair)
    inter = 1 - np.mean([pearsonr(a, b)[0] for a, b in zip(p, q)])
    intra = 1 - np.mean([pearsonr(a, b)[0] for a, b in zip(p.T, q.T)])
    expected = 4 * (2 * inter + 3 * intra)
    assert loss(pair, type='DISTLoss', tau=2.0, beta=2.0, gamma=3.0) == pytest.approx(expected, rel=1e-6)


def test_dist_is_blind_to_a_linear_map_of_the_distribution(pair):
    from mmhssakd.models.losses.dist_loss import pearson_distance

    x = torch.from_numpy(pair[0])
    assert pearson_distance(x, 3 * x + 1).item() == pytest.approx(0, abs=1e-6)
    assert pearson_distance(x, -x).item() == pytest.approx(2, abs=1e-6)


def test_logit_standardisation(pair):
    p, q = (softmax(zscore(x, axis=1) / 2, axis=1) for x in pair)
    expected = 4 * np.mean([kl(b, a) for a, b in zip(p, q)])
    assert loss(pair, type='StandardizedLoss') == pytest.approx(expected, rel=1e-6)
    scaled = (pair[0] * 7 + 3, pair[1])
    assert loss(scaled, type='StandardizedLoss') == pytest.approx(expected, rel=1e-6)


def test_standardised_dkd(pair):
    expected = dkd(*(zscore(x, axis=1) for x in pair), 2, 1, 8)
    assert loss(pair, type='StandardizedLoss', loss=dict(type='DKDLoss', tau=2.0)) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize('config', [dict(type='DKDLoss'), dict(type='DISTLoss'), dict(type='StandardizedLoss')])
def test_gradient_reaches_the_student_only_and_equal_logits_cost_nothing(config):
    student, teacher = (torch.randn(6, 5, requires_grad=True) for _ in range(2))
    criterion = MODELS.build(config)
    criterion(student, teacher, LABELS).backward()
    assert teacher.grad is None and student.grad.abs().sum() > 0
    assert criterion(teacher, teacher, LABELS).item() == pytest.approx(0, abs=1e-5)
    assert criterion(student.bfloat16(), teacher.bfloat16(), LABELS).dtype == torch.float32
    student, teacher = student.detach().double().requires_grad_(), teacher.detach().double()
    assert torch.autograd.gradcheck(lambda s: criterion(s, teacher, LABELS), student)


@pytest.mark.parametrize('name', ['DISTLoss', 'StandardizedLoss'])
def test_equal_logits_have_a_gradient_that_half_precision_holds(name):
    """They have no direction to go, and the formula divides by their deviation."""
    student = torch.zeros(2, 5, dtype=torch.float16, requires_grad=True)
    MODELS.build(dict(type=name))(student, torch.randn(2, 5)).backward()
    assert torch.isfinite(student.grad).all()


def test_defaults_are_the_papers():
    assert [str(MODELS.build(dict(type=name))) for name in ('KDLoss', 'DKDLoss', 'DISTLoss', 'StandardizedLoss')] == [
        'KDLoss(tau=3.0, loss_weight=1.0)',
        'DKDLoss(tau=4.0, alpha=1.0, beta=8.0, loss_weight=1.0)',
        'DISTLoss(tau=1.0, beta=1.0, gamma=1.0, loss_weight=1.0)',
        'StandardizedLoss(\n  (loss): KDLoss(tau=2.0, loss_weight=1.0)\n)',
    ]


@pytest.mark.parametrize('config', [dict(type='DKDLoss'), dict(type='DISTLoss'), dict(type='StandardizedLoss')])
@pytest.mark.parametrize('where', ['kd_loss', 'kd_loss_q'])
def test_they_fit_the_distiller(config, where, tmp_path):
    torch.save(MODELS.build(small.config()).state_dict(), tmp_path / 'teacher.pth')
    teacher = dict(config=small.config(), checkpoint=str(tmp_path / 'teacher.pth'))
    model = MODELS.build(small.config(type='HSSAKD', teacher=teacher, **{where: config})).eval()
    images, labels = torch.randn(2, 3, 8, 8), torch.tensor([1, 7])
    losses = model(images, small.samples(labels.tolist()), mode='loss')
    views = model.make_views(images)
    (p, q), (p_teacher, q_teacher) = model.forward_views(views), model.teach(views)
    criterion = MODELS.build(config)
    joint = torch.tensor([4, 5, 6, 7, 28, 29, 30, 31])
    assert losses['loss_kl_q'].item() == pytest.approx(
        sum(criterion(a, b, joint).item() for a, b in zip(q, q_teacher)), rel=1e-4
    )
    plain = MODELS.build(dict(type='KDLoss')) if where == 'kd_loss_q' else criterion
    assert losses['loss_kl_p'].item() == pytest.approx(
        plain(p, p_teacher, labels.repeat_interleave(4)).item(), rel=1e-4
    )


@pytest.mark.parametrize('name', ['DKDLoss', 'DISTLoss'])
def test_bad_temperature(name):
    with pytest.raises(ValueError, match=f'{name}.tau'):
        MODELS.build(dict(type=name, tau=0))


def test_dkd_needs_labels():
    with pytest.raises(ValueError, match='needs the label'):
        MODELS.build(dict(type='DKDLoss'))(torch.randn(2, 3), torch.randn(2, 3))
