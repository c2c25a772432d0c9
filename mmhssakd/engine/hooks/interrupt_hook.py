"""Save and stop when asked to."""

import os
import os.path as osp
import signal
import sys
import traceback
from functools import partial
from typing import Any, Callable, Optional, Sequence

import torch
from mmengine.dist import barrier, get_comm_device, get_world_size, is_main_process
from mmengine.hooks import EMAHook, Hook
from mmengine.runner import Runner
from torch.utils.data import DataLoader

from mmhssakd.registry import HOOKS
from mmhssakd.weights.files import replace_file
from .atomic_checkpoint_hook import INTERRUPTED
from .late_info_hook import on_device


def linger(number: int, frame: Any) -> None:
    """What a data worker does on a signal: end two minutes later, if its run has not ended it by then."""
    signal.alarm(120)


def start_worker(worker_id: int, numbers: Sequence[int], inner: Optional[Callable[[int], None]]) -> None:
    """Initialize a data worker so that a signal to all processes of the run leaves it alive until the run has saved."""
    for number in numbers:
        signal.signal(number, linger)
    if inner is not None:
        inner(worker_id)


def shield_workers(loader: DataLoader, numbers: Sequence[int]) -> None:
    """Let the workers of a data loader, which are not there yet, leave the signals to the main process."""
    inner = loader.worker_init_fn
    if not (isinstance(inner, partial) and inner.func is start_worker):
        loader.worker_init_fn = partial(start_worker, numbers=numbers, inner=inner)


@HOOKS.register_module()
class InterruptHook(Hook):
    """On SIGTERM, SIGINT (Ctrl-C) or SIGUSR1, end the iteration, write ``interrupted.pth``, and exit.

    Slurm sends SIGTERM before it takes a node back (``--signal=USR1@120`` asks for an earlier SIGUSR1), and so do most
    other schedulers. The run goes on with ``--resume`` where it stopped, in the middle of an epoch or not. A second
    Ctrl-C stops at once.

    Args:
        signals (Sequence[str]): Names of the signals.

    Raises:
        ValueError: A signal has no such name.
    """

    priority = 'LOWEST'  # whatever else belongs to an iteration is done

    def __init__(self, signals: Sequence[str] = ('SIGTERM', 'SIGINT', 'SIGUSR1')) -> None:
        unknown = [name for name in signals if name not in signal.Signals.__members__]
        if unknown:
            raise ValueError(f'InterruptHook.signals: there is no signal {", ".join(map(repr, unknown))}.')
        self.numbers = [signal.Signals[name] for name in signals]
        self.received = 0
        self.number = torch.tensor(0)  # that all processes agreed on
        self.previous = {}

    def before_train(self, runner: Runner) -> None:
        """Take the signals over. No worker process has been started yet."""
        self.previous = {number: signal.signal(number, self.note) for number in self.numbers}
        shield_workers(runner.train_dataloader, self.numbers)

    def before_val_epoch(self, runner: Runner) -> None:
        """Shield the workers of the validation, too."""
        if self.previous:
            shield_workers(runner.val_dataloader, self.numbers)

    def release(self, runner: Runner) -> None:
        """Give the signals back; our loops call it however the training ends.

        If a signal came and the training fails now, as it does when another process of the run has died, there is
        nothing to save: the signal ends the process, which could otherwise wait for its peers as it exits.
        """
        for number, handler in self.previous.items():
            signal.signal(number, handler)
        self.previous = {}
        if self.received and isinstance(sys.exc_info()[1], Exception):  # SystemExit is none
            traceback.print_exc()
            os.kill(os.getpid(), self.received)

    after_train = release

    def note(self, number: int, frame: Any) -> None:
        """Remember a signal; the iteration goes on."""
        if self.received == number == signal.SIGINT:
            raise KeyboardInterrupt
        self.received = self.received or number  # a launcher may add one of its own
        # no print: the signal may have come in the middle of one
        os.write(2, f'{signal.Signals(number).name}: saving after this iteration\n'.encode())

    def asked(self) -> int:
        """The signal that came to any process, or 0. All ask at the same time, and GPUs answer one step later."""
        if get_world_size() == 1:
            return self.received
        number = torch.tensor(self.received, device=get_comm_device())
        torch.distributed.all_reduce(number, torch.distributed.ReduceOp.MAX)  # mmengine's would wait for a device
        before, self.number = self.number, number
        return int(before if on_device(number) else number)

    def after_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        """Stop here if asked to, unless gradients are being accumulated, which are in no checkpoint."""
        number = self.asked()
        updated = getattr(runner.optim_wrapper, 'should_update', lambda: True)()
        if number and not updated:
            self.received = number
        elif number:
            self.stop(runner, number, dict(epoch=runner.epoch, iter=runner.iter + 1))

    def after_val_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        """Stop here if asked to; the validation will be done again."""
        number = self.asked() if self.previous else 0
        if number:
            for hook in runner.hooks:  # the model validates with the average's weights: back to those that are trained
                if isinstance(hook, EMAHook) and getattr(hook, 'evaluate_on_ema', True):
                    EMAHook.after_val_epoch(hook, runner)
            self.stop(runner, number, dict(epoch=runner.epoch, iter=runner.iter))

    def stop(self, runner: Runner, number: int, meta: dict) -> None:
        """Save and exit with the status that a shell gives to the signal."""
        path = osp.join(runner.work_dir, INTERRUPTED)
        runner.save_checkpoint(
            runner.work_dir, INTERRUPTED, meta=meta, by_epoch=False, backend_args=dict(backend='atomic')
        )
        if is_main_process():
            replace_file(path.encode(), osp.join(runner.work_dir, 'last_checkpoint'))
        barrier()  # srun --kill-on-bad-exit kills the others as soon as one has ended
        runner.logger.warning(
            f'Stopped by {signal.Signals(number).name} after iteration {meta["iter"]} (epoch {meta["epoch"] + 1}) and '
            f'saved {path}. To go on, give the same command again with --resume '
            f'(and --work-dir {runner.work_dir}).'
        )
        self.release(runner)
        raise SystemExit(128 + number)
