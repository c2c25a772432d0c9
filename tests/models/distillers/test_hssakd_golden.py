"""One student step equals the released code's, in float64."""

import copy
from contextlib import nullcontext

import golden
import pytest
import torch

from mmhssakd.registry import OPTIM_WRAPPERS

PAIRS = ['offline_r34_r18', 'offline_wrn40x2_wrn16x2', 'offline_vgg13_mobilenetv2']
TERM_BOUNDS = dict(zip(PAIRS, (0.03, 0.02, 0.02)))  # of a single loss term in bfloat16, relative to float32


@pytest.fixture(scope='module', params=PAIRS)
def pair(request, tmp_path_factory) -> tuple:
    """Name of a pair, what is expected of it, and the student with its teacher; building them takes long."""
    expected = golden.load(request.param)
    return request.param, expected, build(expected, tmp_path_factory.mktemp('pair'))


def build(expected, folder):
    weights, teacher = golden.import_hsakd(golden.released_weights(expected['teacher_keys'], 10000))
    torch.save(dict(state_dict=weights), folder / 'teacher.pth')
    model = golden.build(
        expected['student_keys'], type='HSSAKD', teacher=dict(config=teacher, checkpoint=str(folder / 'teacher.pth'))
    )
    # the model was built in float32: the teacher's weights come back in float64
    model.teacher.load_state_dict(weights)
    return model


def test_student_step(pair, monkeypatch):
    _, expected, model = pair
    images, data_samples = golden.batch(expected)

    close = dict(rtol=1e-8, atol=1e-9)
    logits, aux_logits = model.teach(model.make_views(images))
    torch.testing.assert_close(logits, torch.tensor(expected['teacher_logits'], dtype=torch.float64), **close)
    torch.testing.assert_close(
        torch.stack(aux_logits), torch.tensor(expected['teacher_aux_logits'], dtype=torch.float64), **close
    )

    outputs, forward_views = [], model.forward_views
    monkeypatch.setattr(model, 'forward_views', lambda views: outputs.append(forward_views(views)) or outputs[-1])
    losses = model(images, data_samples, mode='loss')
    logits, aux_logits = outputs[0]
    torch.testing.assert_close(logits, torch.tensor(expected['student_logits'], dtype=torch.float64), **close)
    torch.testing.assert_close(
        torch.stack(aux_logits), torch.tensor(expected['student_aux_logits'], dtype=torch.float64), **close
    )
    assert losses['loss_task'].item() == pytest.approx(expected['loss_task'], rel=1e-8)
    assert losses['loss_kl_q'].item() == pytest.approx(sum(expected['loss_kl_q']), rel=1e-8)
    assert losses['loss_kl_p'].item() == pytest.approx(expected['loss_kl_p'], rel=1e-8)
    for i, share in enumerate(expected['loss_kl_q'], start=1):
        assert losses[f'kl_q{i}'].item() == pytest.approx(share, rel=1e-8)

    total, _ = model.parse_losses(losses)
    assert total.item() == pytest.approx(expected['loss_total'], rel=1e-8)
    total.backward()
    golden.check_gradients(model, expected['grad_norms'])
    buffers = dict(model.named_buffers())
    for key, norm in expected['running_mean_after'].items():
        assert buffers[golden.our_name(key)].norm().item() == pytest.approx(norm, rel=1e-8), key


def test_bfloat16_losses_are_within_one_percent(pair):
    """Golden weights and images: the loss with --amp against float32's.

    A single term, of these few images through random weights, is noisier: see TERM_BOUNDS.
    """
    name, expected, model = pair[0], pair[1], copy.deepcopy(pair[2]).float()
    images, data_samples = golden.batch(expected)
    bf16 = OPTIM_WRAPPERS.build(
        dict(type='mmhssakd.BF16OptimWrapper', optimizer=torch.optim.SGD(model.parameters(), lr=0.1))
    )
    terms, totals = [], []
    for precision in (nullcontext(), bf16.optim_context(model)):
        with torch.no_grad(), precision:
            losses = model(images.float(), data_samples, mode='loss')
        terms.append({key: losses[key].item() for key in ('loss_task', 'loss_kl_q', 'loss_kl_p')})
        totals.append(sum(terms[-1].values()))
    assert totals[0] == pytest.approx(expected['loss_total'], rel=1e-3)
    assert totals[1] == pytest.approx(totals[0], rel=0.01)
    for key, value in terms[0].items():
        assert value == pytest.approx(expected_loss(expected, key), rel=1e-3), key
        assert terms[1][key] == pytest.approx(value, rel=TERM_BOUNDS[name]), key
        assert terms[1][key] != value, key  # it was in half precision


def expected_loss(expected: dict, name: str) -> float:
    value = expected[name]
    return sum(value) if isinstance(value, list) else value
