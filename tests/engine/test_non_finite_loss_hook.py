from types import SimpleNamespace

import pytest
import torch
from mmengine.hooks import Hook
from mmengine.registry import HOOKS as ROOT_HOOKS
from mmpretrain.structures import DataSample
from tiny_run import config, runner

from mmhssakd.engine.hooks.non_finite_loss_hook import not_finite
from mmhssakd.registry import HOOKS

RUNNER = SimpleNamespace(iter=6, epoch=1, work_dir='work_dirs/x')


def check(**outputs):
    sample = DataSample(metainfo=dict(img_path='data/imagenet/cat.jpg'))
    HOOKS.build(dict(type='NonFiniteLossHook')).after_train_iter(
        RUNNER, 0, dict(data_samples=[sample]), {name: torch.tensor(value) for name, value in outputs.items()}
    )


def test_finite_losses_pass():
    check(loss=1.0, loss_task=1.0, acc_p=float('nan'))


@pytest.mark.parametrize('value', ['nan', 'inf', '-inf'])
def test_the_term_the_iteration_and_the_images_are_named(value):
    with pytest.raises(FloatingPointError, match=f'^loss_kl_q={value} in iteration 7 .epoch 2.*work_dirs/x.*cat.jpg'):
        check(loss=float(value), loss_task=1.0, loss_kl_q=float(value))


def test_the_sum_alone():
    with pytest.raises(FloatingPointError, match='^loss=inf'):
        check(loss=float('inf'), loss_task=3e38)


def train(tmp_path, max_skipped=0, **model):
    hooks = [dict(type='mmhssakd.NonFiniteLossHook', max_skipped=max_skipped)]
    run = runner(config(tmp_path, model=model, hooks=hooks))
    run.train()
    return run


def test_without_a_path_the_images_have_numbers():
    sample = DataSample(metainfo=dict(sample_idx=42))
    with pytest.raises(FloatingPointError, match='look at the images: number 42$'):
        HOOKS.build(dict(type='NonFiniteLossHook')).after_train_iter(
            RUNNER, 0, dict(data_samples=[sample]), dict(loss=torch.tensor(float('nan')))
        )


def test_the_step_does_not_reach_the_weights(tmp_path):
    run = runner(config(tmp_path, model=dict(bad_steps=(4,))))
    with pytest.raises(FloatingPointError, match='^loss_task=nan in iteration 4 .epoch 1.. Training stops; '):
        run.train()
    assert all(torch.isfinite(p).all() for p in run.model.parameters())


def test_a_gradient_alone_stops_the_run(tmp_path):
    with pytest.raises(
        FloatingPointError,
        match=r'^gradient that is not finite, of 1 parameters \(fc.bias\), in '
        r'iteration 3 \(epoch 1\)',
    ):
        train(tmp_path, bad_gradient=(3,))


def test_steps_are_left_out_a_bounded_number_of_times(tmp_path):
    run = train(tmp_path, max_skipped=3, bad_steps=(2, 9), bad_gradient=(14,))
    assert run.iter == 18 and run.message_hub.get_info('skipped_steps') == 3
    assert all(torch.isfinite(value).all() for value in run.model.state_dict().values())
    log = next(tmp_path.glob('*/*.log')).read_text()
    assert 'loss_task=nan in iteration 2 (epoch 1): step left out, 1 of at most 3' in log
    with pytest.raises(FloatingPointError, match='Training stops after 3 steps that were left out'):
        train(tmp_path / 'more', max_skipped=3, bad_steps=(2, 9, 10, 11))


def test_a_step_left_out_changes_nothing(tmp_path):
    """Weights, momentum and statistics are those of before the step."""
    states = {}

    @ROOT_HOOKS.register_module(force=True)
    class Watch(Hook):
        def after_train_iter(self, runner, *args, **kwargs):
            momentum = [s['momentum_buffer'] for s in runner.optim_wrapper.optimizer.state.values()]
            states[runner.iter] = [v.clone() for v in (*runner.model.state_dict().values(), *momentum)]

    runner(
        config(
            tmp_path,
            model=dict(bad_steps=(5,)),
            hooks=[dict(type='mmhssakd.NonFiniteLossHook', max_skipped=1), dict(type='Watch')],
        )
    ).train()
    assert all(torch.equal(a, b) for a, b in zip(states[3], states[4]))
    assert not all(torch.equal(a, b) for a, b in zip(states[4], states[5]))


@pytest.mark.parametrize('fused', [False, True])
def test_overflow_is_left_to_the_scaler(fused):
    """A fused optimizer steps in any case, and leaves the weights alone by itself."""
    model = torch.nn.Linear(2, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, fused=fused)
    scaler = torch.amp.GradScaler('cpu', init_scale=2.0**126)
    hook = HOOKS.build(dict(type='NonFiniteLossHook'))
    hook.before_train(SimpleNamespace(model=model, optim_wrapper=SimpleNamespace(optimizer=optimizer)))
    before = model.weight.detach().clone()
    scaler.scale(model(torch.full((4, 2), 100.0)).sum()).backward()
    assert not torch.isfinite(model.weight.grad).all()
    scaler.step(optimizer)
    scaler.update()
    assert scaler.get_scale() < 2.0**126 and torch.equal(model.weight, before) and not hook.gradients


def test_a_bad_part_of_an_accumulated_step_counts_once(tmp_path):
    hooks = [dict(type='mmhssakd.NonFiniteLossHook', max_skipped=1)]
    cfg = config(tmp_path, model=dict(bad_steps=(3,)), hooks=hooks)
    cfg.optim_wrapper.accumulative_counts = 2
    run = runner(cfg)
    run.train()
    assert run.message_hub.get_info('skipped_steps') == 1
    assert all(torch.isfinite(value).all() for value in run.model.state_dict().values())


def test_processes_with_parts_of_the_gradients_agree(monkeypatch):
    """What one process found, all leave out."""
    monkeypatch.setattr('mmhssakd.engine.hooks.non_finite_loss_hook.all_reduce', lambda count, op: count.fill_(1))
    hook = HOOKS.build(dict(type='NonFiniteLossHook'))
    hook.sharded = True
    model = torch.nn.Linear(2, 1)
    model(torch.ones(1, 2)).sum().backward()
    hook.before_step(torch.optim.SGD(model.parameters(), lr=0.1), {})
    assert not_finite(hook.gradients) == ['(of another process)']
    assert all(p.grad is None for p in model.parameters())


@pytest.mark.parametrize('max_skipped', [-1, 1.5, '3'])
def test_bad_option(max_skipped):
    with pytest.raises(ValueError, match='NonFiniteLossHook.max_skipped must be'):
        HOOKS.build(dict(type='NonFiniteLossHook', max_skipped=max_skipped))
