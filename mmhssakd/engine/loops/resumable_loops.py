"""mmengine's two training loops, made exact: a resumed run does what the uninterrupted one would have done."""

from contextlib import closing
from typing import Any, Generator, Union

from mmengine.dist import get_rank
from mmengine.runner import BaseLoop, EpochBasedTrainLoop, IterBasedTrainLoop, Runner
from torch import nn
from torch.utils.data import DataLoader

from mmhssakd.compat.patches import stop_workers
from mmhssakd.registry import LOOPS
from .loader import ResumableLoader
from .seeds import seed_everything


class ExactDataMixin:
    """What the two loops share.

    mmengine stores weights, optimizer, schedules, and the numbers of epoch and iteration. It stores neither the place
    in the data nor random states. Here the place follows from the iteration's number, and every random number from
    the run's seed and the place, see :func:`seed_everything`: nothing else needs to be stored.
    """

    def _init_exact(self, runner: Runner, dataloader: Union[DataLoader, dict], **length: int) -> DataLoader:
        """Check the options, see :class:`ResumableEpochLoop`, and build the data loader."""
        for name, value in length.items():
            if not isinstance(value, int) or value < 1:
                raise ValueError(f'train_cfg.{name} must be a whole number, 1 or more, but got {value!r}.')
        self._diff_rank_seed = runner._randomness_cfg.get('diff_rank_seed', False)
        if isinstance(dataloader, dict):
            dataloader = runner.build_dataloader(dataloader, seed=runner.seed, diff_rank_seed=self._diff_rank_seed)
        return ResumableLoader.wrap(dataloader)

    def run(self) -> nn.Module:
        """Train. However that ends, data workers stop, and hooks give back, by ``release``, what they took."""
        try:
            self.train()
        finally:
            stop_workers(self.dataloader)
            if isinstance(self.runner._val_loop, BaseLoop):  # mmengine's, private: else it was never built
                stop_workers(self.runner.val_dataloader)
            self.runner.call_hook('release')
        return self.runner.model

    def start_data(self, endless: bool) -> None:
        """Give the samplers the run's seed, which a resumed run took from its checkpoint."""
        batches = self.dataloader.batch_sampler
        batches.seed = self.runner.seed - (get_rank() if self._diff_rank_seed else 0)
        batches.endless = endless
        if hasattr(batches.sampler, 'seed'):
            batches.sampler.seed = batches.seed

    def batches(self, epoch: int, skip: int) -> Generator[Any, None, None]:
        """Batches of a pass over the data, after the first ``skip``; random numbers are seeded for each."""
        sampler = self.dataloader.batch_sampler
        sampler.epoch, sampler.skip = epoch, skip
        for batch in self.dataloader:
            seed_everything(sampler.seed, get_rank(), self._iter)
            yield batch

    def validate(self, done: int) -> None:
        """Validate if it is due after ``done`` epochs (or iterations)."""
        last = done == (self._max_epochs if isinstance(self, EpochBasedTrainLoop) else self._max_iters)
        if self.runner.val_loop is not None and done >= self.val_begin and (done % self.val_interval == 0 or last):
            self.runner.val_loop.run()

    def validate_before_going_on(self, done: int) -> None:
        """Make up for the validation that a run missed which was interrupted between checkpoint and validation."""
        if done and self.runner.message_hub.get_info('last_validation', -1) != self._iter:
            self.validate(done)


@LOOPS.register_module()
class ResumableEpochLoop(ExactDataMixin, EpochBasedTrainLoop):
    """Training by epochs that can be taken up again at any iteration.

    Args:
        runner (Runner): The runner.
        dataloader (DataLoader | dict): The data loader or its config.
        max_epochs (int): Epochs to train.
        **kwargs: ``val_begin``, ``val_interval``, ``dynamic_intervals`` of mmengine's loop.

    Raises:
        ValueError: An option is out of range, or the data set does not fill a batch.
    """

    def __init__(self, runner: Runner, dataloader: Union[DataLoader, dict], max_epochs: int, **kwargs) -> None:
        loader = self._init_exact(runner, dataloader, max_epochs=max_epochs)
        super().__init__(runner, loader, max_epochs, **kwargs)

    def train(self) -> None:
        """Train; as in mmengine's loop but for the two steps of a resumed run."""
        self.start_data(endless=False)
        self.runner.call_hook('before_train')
        if self._iter == self._epoch * len(self.dataloader):
            self.validate_before_going_on(self._epoch)
        while self._epoch < self._max_epochs and not self.stop_training:
            self.run_epoch()
            self._decide_current_val_interval()
            self.validate(self._epoch)
        self.runner.call_hook('after_train')

    def run_epoch(self) -> None:
        """Train for an epoch, or for the rest of one."""
        self.runner.call_hook('before_train_epoch')
        self.runner.model.train()
        done = self._iter - self._epoch * len(self.dataloader)
        if not 0 <= done <= len(self.dataloader):
            self.runner.logger.warning(
                f'The checkpoint was written after {self._iter} iterations and {self._epoch} epochs, but an epoch now '
                f'has {len(self.dataloader)} iterations: the batch size, the data or the number of processes changed. '
                'The epoch starts with its first batch.'
            )
            done = 0
        elif done:
            self.runner.logger.info(f'Going on with batch {done + 1} of {len(self.dataloader)}.')
        with closing(self.batches(self._epoch, done)) as batches:
            for number, batch in enumerate(batches, start=done):
                self.run_iter(number, batch)
        self.runner.call_hook('after_train_epoch')
        self._epoch += 1


@LOOPS.register_module()
class ResumableIterLoop(ExactDataMixin, IterBasedTrainLoop):
    """Training by iterations that can be taken up again at any of them, without loading what was trained on.

    Args:
        runner (Runner): The runner.
        dataloader (DataLoader | dict): The data loader or its config.
        max_iters (int): Iterations to train.
        **kwargs: ``val_begin``, ``val_interval``, ``dynamic_intervals`` of mmengine's loop.

    Raises:
        ValueError: An option is out of range, or the data set does not fill a batch.
    """

    def __init__(self, runner: Runner, dataloader: Union[DataLoader, dict], max_iters: int, **kwargs) -> None:
        loader = self._init_exact(runner, dataloader, max_iters=max_iters)
        super().__init__(runner, loader, max_iters, **kwargs)

    def train(self) -> None:
        """Train; as in mmengine's loop, but batches that were trained on are skipped without loading them."""
        self.start_data(endless=True)
        self.runner.call_hook('before_train')
        self.runner.call_hook('before_train_epoch')
        self.validate_before_going_on(self._iter)
        with closing(self.batches(0, self._iter)) as batches:
            while self._iter < self._max_iters and not self.stop_training:
                self.runner.model.train()
                self.run_iter(next(batches))
                self._decide_current_val_interval()
                self.validate(self._iter)
        self.runner.call_hook('after_train_epoch')
        self.runner.call_hook('after_train')
