"""Numbers on a device are read when they are needed, not in every step."""

from typing import Any, Dict, Optional

import torch
from mmengine.hooks import LoggerHook, RuntimeInfoHook
from mmengine.runner import Runner

from mmhssakd.registry import HOOKS


def on_device(value: Any) -> bool:
    """Whether to read a value means to wait for a device."""
    return isinstance(value, torch.Tensor) and value.device.type != 'cpu'


@HOOKS.register_module()
class LateInfoHook(RuntimeInfoHook):
    """mmengine's ``RuntimeInfoHook``, but a step's numbers are read one step later, when the device has them.

    To read them at once would stop the device until the next step is under way. They are read at once for a step that
    is logged, and for a checkpoint (``settle``, which :class:`mmhssakd.Runner` calls before it saves). Numbers on
    the CPU are read at once.
    """

    waiting: Optional[Dict[str, Any]] = None

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Optional[dict] = None
    ) -> None:
        """Note the step's numbers for the log."""
        self.settle(runner)
        self.waiting = {k: v.detach() if isinstance(v, torch.Tensor) else v for k, v in (outputs or {}).items()}
        if not any(map(on_device, self.waiting.values())) or self.is_logged(runner, batch_idx):
            self.settle(runner)

    def is_logged(self, runner: Runner, batch_idx: int) -> bool:
        """Whether one of mmengine's loggers will ask for the numbers of this step."""
        intervals = [hook.interval for hook in runner.hooks if isinstance(hook, LoggerHook)]
        due = any(self.every_n_inner_iters(batch_idx, interval) for interval in intervals)
        return due or self.end_of_epoch(runner.train_dataloader, batch_idx)

    def settle(self, runner: Runner) -> None:
        """Read what waits to be read, all at once."""
        waiting, self.waiting = self.waiting or {}, None
        late = [name for name, value in waiting.items() if on_device(value)]
        if late:
            numbers = torch.stack([waiting[name].double().mean() for name in late]).tolist()
            waiting.update(zip(late, numbers))
        for name, value in waiting.items():
            runner.message_hub.update_scalar(f'train/{name}', value)
