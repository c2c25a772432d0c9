"""The benchmark works, and what it compares are the same losses. Times are no pass mark."""

import copy
import hashlib
import json
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from benchmarks import loop, reference
from benchmarks.pairs import build, make_batch
from processes import run

from mmhssakd.engine.optimizers.bf16_optim_wrapper import has_bfloat16
from mmhssakd.models import HSSAKD


def test_figures_are_relative_to_one_reference():
    """Who changes it measures all figures of docs/performance.md again."""
    text = Path(reference.__file__).read_bytes()
    assert hashlib.sha256(text).hexdigest() == '96770b3635a8b0a619145a5256c909aa87fcf71ae314aba17a85855d12d6e348'


@pytest.mark.parametrize('pair, size', [('resnet56_resnet20', 16), ('resnet34_resnet18', 32)])
def test_reference_has_our_losses_gradients_and_statistics(pair, size):
    model = build(pair, size, small=True)
    model.double()
    plain = copy.deepcopy(model)
    student, teacher = reference.PlainNetwork(plain).train(), reference.PlainNetwork(plain.teacher).eval()
    data, images, labels = make_batch(model, size, 2)
    images = images.double()

    losses = model(images, data['data_samples'], mode='loss')
    model.parse_losses(losses)[0].backward()
    optimizer = torch.optim.SGD(student.parameters(), 0.0)
    expected = reference.step(student, teacher, optimizer, images, labels)
    for name in ('loss_task', 'loss_kl_q', 'loss_kl_p'):
        assert losses[name].item() == pytest.approx(expected[name], rel=1e-9), name
        assert expected[name] > 1e-6
    assert losses['acc_p'].item() == pytest.approx(expected['top1'] / 2 * 100)
    for i in range(1, len(student.branches) + 1):
        assert losses[f'acc_q{i}'].item() == pytest.approx(expected[f'top1_q{i}'] / 8 * 100)
    for (name, ours), theirs in zip(model.named_parameters(), plain.parameters()):
        torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-6, atol=1e-9, msg=name)
    for (name, ours), theirs in zip(model.named_buffers(), plain.buffers()):
        torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-12, msg=name)


def test_short_form(tmp_path):
    out = tmp_path / "a b, [c]=d'.json"
    done = run('benchmark_speed.py', '--smoke', '--threads', 1, '--out', out)
    report = json.loads(out.read_text())
    variants = report['variants']
    assert set(variants) == {'reference', 'default', 'fast', 'floor'}
    assert all(name in done.stdout for name in variants)
    rounding = 2e-2 if has_bfloat16() else 1e-3  # the fast settings are in bfloat16 where the processor has it
    for name, tolerance in (('default', 1e-3), ('fast', rounding)):
        for term in ('loss_task', 'loss_kl_q', 'loss_kl_p'):
            expected = variants['reference']['first_step'][term]
            assert variants[name]['first_step'][term] == pytest.approx(expected, rel=tolerance), (name, term)
    assert all(result['peak_mib'] >= result['start_mib'] > 0 for result in variants.values())


def test_share_of_the_runner(monkeypatch):
    """On a clock that only the model moves: by 2 s in each step, by 1 s more in each of the Runner."""
    clock = [0.0]

    def takes(seconds, function):
        return lambda *args, **kwargs: clock.__setitem__(0, clock[0] + seconds) or function(*args, **kwargs)

    monkeypatch.setattr(loop, 'time', SimpleNamespace(perf_counter=lambda: clock[0]))
    monkeypatch.setattr(HSSAKD, 'loss', takes(2.0, HSSAKD.loss))
    monkeypatch.setattr(HSSAKD, 'train_step', takes(1.0, HSSAKD.train_step))
    settings = dict(pair='resnet56_resnet20', size=16, batch_size=2, device='cpu', threads=1, small=True)
    found = loop.runner_share(settings, rounds=1, steps=3)
    assert found == dict(type='Runner', runner=3.0, bare=2.0, share=50.0, share_rounds=[50.0], steps=3)
