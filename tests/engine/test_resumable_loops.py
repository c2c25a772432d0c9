"""Interrupted anywhere and resumed, a run ends with the weights of one that was not, bit by bit."""

import os
import signal

import pytest
import tiny_run
import torch
from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from tiny_run import config, runner, weights

from mmhssakd.engine.loops.seeds import seed_everything


@HOOKS.register_module()
class SignalAt(Hook):
    """Send a signal to this process in an iteration."""

    def __init__(self, iteration, name='SIGTERM'):
        self.iteration, self.number = iteration, signal.Signals[name]

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        if runner.iter + 1 == self.iteration:
            os.kill(os.getpid(), self.number)


def same(a: dict, b: dict) -> bool:
    return set(a) == set(b) and all(torch.equal(a[name], b[name]) for name in a)


@pytest.fixture(scope='module')
def uninterrupted(tmp_path_factory):
    """Final weights of uninterrupted runs: by epochs, by iterations."""
    runs = {}
    for by_epoch in (True, False):
        run = runner(config(tmp_path_factory.mktemp('whole'), by_epoch))
        run.train()
        runs[by_epoch] = weights(run)
    return runs


@pytest.mark.parametrize('workers', [0, 2])
@pytest.mark.parametrize('by_epoch', [True, False])
@pytest.mark.parametrize('iteration', [1, 6, 9, 17])  # the first, the last of an epoch, in the middle, late
def test_stopped_by_a_signal_and_resumed(tmp_path, uninterrupted, by_epoch, iteration, workers):
    run = runner(config(tmp_path, by_epoch, workers, hooks=[dict(type='SignalAt', iteration=iteration)]))
    with pytest.raises(SystemExit) as stop:
        run.train()
    assert stop.value.code == 128 + signal.SIGTERM and run.iter == iteration - 1
    assert (tmp_path / 'last_checkpoint').read_text() == str(tmp_path / 'interrupted.pth')
    resumed = runner(config(tmp_path, by_epoch, workers), resume=True)
    resumed.train()
    assert resumed.iter == 18 and same(weights(resumed), uninterrupted[by_epoch])
    assert not (tmp_path / 'interrupted.pth').exists()  # the next checkpoint takes its place
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


@pytest.mark.parametrize('by_epoch', [True, False])
def test_a_seed_that_the_run_drew_itself(tmp_path, by_epoch):
    run = runner(config(tmp_path, by_epoch, seed=None, checkpoint=dict(filename_tmpl='at_{}.pth', max_keep_ckpts=5)))
    run.train()
    first = 1 if by_epoch else 5
    for file in tmp_path.glob('at_*.pth'):
        if file.name != f'at_{first}.pth':
            file.unlink()
    resumed = runner(config(tmp_path, by_epoch, seed=None), resume=True)
    resumed.train()
    assert same(weights(resumed), weights(run))


def test_what_was_trained_on_is_not_loaded_again(tmp_path, uninterrupted):
    run = runner(config(tmp_path, by_epoch=False, hooks=[dict(type='SignalAt', iteration=16)]))
    with pytest.raises(SystemExit):
        run.train()
    tiny_run.NoisyNumbers.drawn.clear()
    resumed = runner(config(tmp_path, by_epoch=False), resume=True)
    resumed.train()
    assert len(tiny_run.NoisyNumbers.drawn) == 2 * 4 and same(weights(resumed), uninterrupted[False])


def test_no_two_samples_share_their_noise(tmp_path):
    tiny_run.NoisyNumbers.drawn.clear()
    runner(config(tmp_path)).train()
    drawn = tiny_run.NoisyNumbers.drawn
    assert len(drawn) == 3 * 22 and len({noise for _, *noise in map(tuple, drawn) for noise in noise}) == 3 * 3 * 22
    assert sorted(index for index, *_ in drawn) == sorted(list(range(22)) * 3)


def test_samples_draw_the_same_numbers_without_seeding_devices(monkeypatch):
    seed_everything(3, 1)
    wanted = torch.rand(3)
    monkeypatch.setattr(torch, 'manual_seed', None)  # it is slow where no device is there yet
    seed_everything(3, 1, devices=False)
    assert torch.equal(torch.rand(3), wanted)


def test_iterations_over_a_sampler_with_an_end(tmp_path):
    """Passes follow each other, each in its own order, as with mmengine's loop."""
    tiny_run.NoisyNumbers.drawn.clear()
    cfg = config(tmp_path, by_epoch=False)
    cfg.train_dataloader.sampler.type = 'DefaultSampler'
    runner(cfg).train()
    order = [index for index, *_ in tiny_run.NoisyNumbers.drawn]
    passes = [order[:22], order[22:44], order[44:66]]
    assert all(sorted(p) == list(range(22)) for p in passes) and passes[0] != passes[1] != passes[2]


@pytest.mark.parametrize('by_epoch', [True, False])
def test_a_missed_validation_is_made_up_for(tmp_path, by_epoch):
    """The checkpoint is written before the validation; a run killed between the two validates when it goes on."""

    @HOOKS.register_module(force=True)
    class Validations(Hook):
        seen, fail_at = [], None

        def before_val(self, runner):
            self.seen.append(runner.iter)
            if runner.iter == self.fail_at:
                raise KeyboardInterrupt

    def cfg():
        made = config(tmp_path, by_epoch, hooks=[dict(type='Validations')])
        made.train_cfg.val_interval = 1 if by_epoch else 5
        made.val_dataloader = dict(made.train_dataloader, sampler=dict(type='DefaultSampler', shuffle=False))
        made.val_cfg, made.val_evaluator = dict(), []
        return made

    first = 6 if by_epoch else 5
    Validations.fail_at = first
    with pytest.raises(KeyboardInterrupt):
        runner(cfg()).train()
    Validations.fail_at = None
    runner(cfg(), resume=True).train()
    every = [6, 12, 18] if by_epoch else [5, 10, 15, 18]
    assert Validations.seen == [first, *every]


def test_another_batch_size_starts_the_epoch_anew(tmp_path, caplog):
    run = runner(config(tmp_path, hooks=[dict(type='SignalAt', iteration=9)]))
    with pytest.raises(SystemExit):
        run.train()
    cfg = config(tmp_path, log_level='INFO')
    cfg.train_dataloader.batch_size = 2
    resumed = runner(cfg, resume=True)
    resumed.train()
    assert 'The epoch starts with its first batch' in next(tmp_path.glob(f'{resumed.timestamp}/*.log')).read_text()
    assert resumed.epoch == 3


def test_hooks_can_read_the_batch_size(tmp_path):
    """As mmpretrain's PreciseBNHook does."""
    run = runner(config(tmp_path))
    run.train()
    assert run.train_dataloader.batch_size == 4


def test_a_data_set_smaller_than_a_batch(tmp_path):
    cfg = config(tmp_path, dataset=dict(size=3))
    cfg.train_dataloader.drop_last = True
    with pytest.raises(ValueError, match='train_dataloader gives no batch: its data set holds 3 images'):
        runner(cfg).train()


def test_gradients_that_are_being_accumulated_are_waited_for(tmp_path):
    whole = runner(config(tmp_path / 'whole', optim_wrapper=dict(accumulative_counts=3)))
    whole.train()
    hooks = [dict(type='SignalAt', iteration=4)]
    run = runner(config(tmp_path / 'cut', optim_wrapper=dict(accumulative_counts=3), hooks=hooks))
    with pytest.raises(SystemExit):
        run.train()
    assert run.iter == 5  # after the sixth iteration
    resumed = runner(config(tmp_path / 'cut', optim_wrapper=dict(accumulative_counts=3)), resume=True)
    resumed.train()
    assert same(weights(resumed), weights(whole))


def test_a_second_ctrl_c_stops_at_once(tmp_path):
    hook = HOOKS.build(dict(type='mmhssakd.InterruptHook'))
    hook.note(signal.SIGINT, None)
    with pytest.raises(KeyboardInterrupt):
        hook.note(signal.SIGINT, None)


def test_an_unknown_signal():
    with pytest.raises(ValueError, match="there is no signal 'SIGTREM'"):
        HOOKS.build(dict(type='mmhssakd.InterruptHook', signals=['SIGTREM']))
