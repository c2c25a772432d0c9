"""A hook that interrupts a run at a chosen place."""

import os
import signal

from mmengine.hooks import EMAHook, Hook
from mmengine.registry import HOOKS


@HOOKS.register_module()
class AskToStop(Hook):
    """Ask this run to stop in a training iteration, or in the validation that comes after it; remember its EMAHook."""

    priority = 'VERY_HIGH'
    training, validation = None, None

    def before_run(self, runner):
        type(self).ema = next((hook for hook in runner.hooks if isinstance(hook, EMAHook)), None)

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        if runner.iter == self.training:
            os.kill(os.getpid(), signal.SIGTERM)

    def before_val_iter(self, runner, batch_idx, data_batch=None):
        if runner.iter == self.validation:
            os.kill(os.getpid(), signal.SIGTERM)
