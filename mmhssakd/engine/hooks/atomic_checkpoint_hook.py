"""Checkpoints that an interruption cannot break."""

import glob
import os.path as osp
from contextlib import suppress
from os import remove
from typing import Any, Dict, Optional

from mmengine.dist import is_main_process
from mmengine.hooks import CheckpointHook
from mmengine.runner import Runner

from mmhssakd.compat.patches import write_beside
from mmhssakd.registry import HOOKS
from mmhssakd.weights.files import put_in_place, replace_file

INTERRUPTED = 'interrupted.pth'  # what InterruptHook writes


@HOOKS.register_module()
class AtomicCheckpointHook(CheckpointHook):
    """mmengine's ``CheckpointHook``, in an order in which one whole checkpoint is there at any moment.

    mmengine writes a checkpoint in place, and with ``max_keep_ckpts`` removes the oldest one first. Here a checkpoint
    is written beside its place, put there in one step, named in ``last_checkpoint`` (in one step, too), and only then
    is the oldest one removed. Arguments are those of ``CheckpointHook``; ``backend_args`` of another file system is
    left alone. Of ``FlexibleRunner``'s, those are written in place that each process keeps a part of.
    """

    def __init__(self, *args, backend_args: Optional[dict] = None, out_dir: Optional[str] = None, **kwargs) -> None:
        if backend_args is None and '://' not in str(out_dir or ''):
            backend_args = dict(backend='atomic')
        super().__init__(*args, backend_args=backend_args, out_dir=out_dir, **kwargs)

    def before_train(self, runner: Runner) -> None:
        """Remove what an interrupted run left behind: checkpoints too many, and files half written."""
        super().before_train(runner)
        if hasattr(runner, 'strategy'):
            write_beside(runner.strategy, put_in_place)
        if is_main_process():
            for folder in {runner.work_dir, self.out_dir}:
                for file in glob.glob(osp.join(glob.escape(folder), '*.tmp')):
                    remove(file)

    def after_val_epoch(self, runner: Runner, metrics: Dict[str, Any]) -> None:
        """Note in the run's state that this validation is done, before a checkpoint is written on its account."""
        runner.message_hub.update_info('last_validation', runner.iter)
        super().after_val_epoch(runner, metrics)

    def _save_checkpoint_with_step(self, runner: Runner, step: int, meta: dict) -> None:
        # mmengine's, private: what it writes and removes, in another order
        keep = [number for number in getattr(self, 'keep_ckpt_ids', ()) if number != step] + [step]
        old = keep[: -self.max_keep_ckpts] if self.max_keep_ckpts > 0 else []
        if self.max_keep_ckpts > 0:
            # With the old ones: mmengine removes at resume what is too many, should the run be killed before the end
            # of this method.
            runner.message_hub.update_info('keep_ckpt_ids', keep)
            self.keep_ckpt_ids.clear()
            self.keep_ckpt_ids.extend(keep[len(old) :])
        self.last_ckpt = self.file_backend.join_path(self.out_dir, self.filename_tmpl.format(step))
        runner.message_hub.update_info('last_ckpt', self.last_ckpt)
        runner.save_checkpoint(
            self.out_dir,
            self.filename_tmpl.format(step),
            self.file_client_args,
            save_optimizer=self.save_optimizer,
            save_param_scheduler=self.save_param_scheduler,
            meta=meta,
            by_epoch=self.by_epoch,
            backend_args=self.backend_args,
            **self.args,
        )
        if is_main_process():
            replace_file(self.last_ckpt.encode(), osp.join(runner.work_dir, 'last_checkpoint'))
            for number in old:
                path = self.file_backend.join_path(self.out_dir, self.filename_tmpl.format(number))
                if self.file_backend.isfile(path):
                    self.file_backend.remove(path)
            with suppress(FileNotFoundError):
                remove(osp.join(runner.work_dir, INTERRUPTED))
