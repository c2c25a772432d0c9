"""Steps that are neither logged nor saved read nothing of theirs from the device."""

import pytest
import torch
from tiny_run import config, runner, weights
from torch.utils._pytree import tree_leaves

from mmhssakd.engine.hooks import late_info_hook, non_finite_loss_hook

READS = ('item', 'tolist', '__bool__', '__float__', '__int__', 'numpy', 'cpu')


class OnDevice(torch.Tensor):
    """A tensor that knows in which step it was computed, and notes in which it is read."""

    born = step = -1
    read = []

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        ages = [value.born for value in tree_leaves(args) if isinstance(value, cls)]
        if getattr(func, '__name__', '') in READS:
            cls.read += [(age, cls.step) for age in ages]
        with torch._C.DisableTorchFunctionSubclass():
            found = func(*args, **(kwargs or {}))
        return cls.make(found, max(ages, default=-1)) if isinstance(found, torch.Tensor) else found

    @classmethod
    def make(cls, value, born=None):
        value = value.as_subclass(cls)
        value.born = cls.step if born is None else born
        return value


@pytest.fixture
def train(tmp_path, monkeypatch):
    """Train 18 steps, a log every 5 and a checkpoint every 4, on a device for all that the hooks can see."""
    for module in (late_info_hook, non_finite_loss_hook):
        monkeypatch.setattr(module, 'on_device', lambda value: isinstance(value, OnDevice))
    monkeypatch.setattr(OnDevice, 'read', [])
    finite = torch.isfinite

    def train(on_device=True, **model):
        run = runner(config(tmp_path / str(on_device), by_epoch=False, model=model, checkpoint=dict(interval=4)))
        next(hook for hook in run.hooks if type(hook).__name__ == 'LoggerHook').interval = 5
        step = run.model.train_step

        def train_step(*args, **kwargs):
            OnDevice.step = run.iter
            return {name: OnDevice.make(value) for name, value in step(*args, **kwargs).items()}

        if on_device:
            monkeypatch.setattr(run.model, 'train_step', train_step)
            # of gradients, which are plain tensors
            monkeypatch.setattr(
                torch, 'isfinite', lambda x: x if isinstance(x := finite(x), OnDevice) else OnDevice.make(x)
            )
        return run

    return train


def test_a_step_is_read_one_step_later(train):
    run = train()
    run.train()
    early = {step for born, step in OnDevice.read if born == step}
    # after these there is a checkpoint (4, 8, ...), a log (5, 10, 15, and 6, the end of an epoch), or the end
    assert early == {3, 4, 5, 7, 9, 11, 14, 15, 17}
    assert {born for born, _ in OnDevice.read} == set(range(18)) and all(
        step - born < 2 for born, step in OnDevice.read
    )
    plain = train(on_device=False)
    plain.train()
    assert all(torch.equal(value, weights(plain)[name]) for name, value in weights(run).items())
    for name in ('train/loss', 'train/loss_task'):
        assert list(run.message_hub.get_scalar(name)._log_history) == pytest.approx(
            list(plain.message_hub.get_scalar(name)._log_history)
        )


@pytest.mark.parametrize(
    'bad,message',
    [
        (dict(bad_steps=(6,)), '^loss_task=nan in iteration 6 '),
        (dict(bad_gradient=(6,)), r'^gradient that is not finite, of 1 parameters \(fc.bias\), in iteration 6 '),
    ],
)
def test_a_bad_step_is_named_one_step_later(train, bad, message):
    run = train(**bad)
    with pytest.raises(FloatingPointError, match=message):
        run.train()
    assert run.iter == 6  # in the step after it


def test_a_bad_step_is_in_no_checkpoint(train, tmp_path):
    run = train(bad_steps=(8,))
    with pytest.raises(FloatingPointError, match='^loss_task=nan in iteration 8 '):
        run.train()
    assert run.iter == 7 and {path.name for path in (tmp_path / 'True').glob('*.pth')} == {'iter_4.pth'}
