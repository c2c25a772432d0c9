"""The runner that a config of ours names: ``runner_type='mmhssakd.Runner'``."""

import copy
from functools import partial
from typing import Any, Dict, List, Optional, Union

import mmengine.runner
import torch
import torch.nn as nn
from mmengine.dist import infer_launcher
from mmengine.hooks import Hook
from mmengine.logging import print_log
from torch.utils.data import DataLoader

from mmhssakd.compat.operators import in_use
from mmhssakd.compat.processes import silence_named, start_without_gpu
from mmhssakd.registry import RUNNERS
from mmhssakd.weights.lock import locked
from mmhssakd.weights.resume import check_resumable, newest_checkpoint
from .agreement import check_agreement
from .loops.loader import collate

LOOPS = {'EpochBasedTrainLoop': 'mmhssakd.ResumableEpochLoop', 'IterBasedTrainLoop': 'mmhssakd.ResumableIterLoop'}
# What the log shows the mean of since its last line: mmengine's, and the shares and accuracies that make up the losses.
MEANS = r'.*(loss|time|data_time|grad_norm|kl_q|ce_q|acc_[pq]).*'
HOOKS = ('NonFiniteLossHook', 'ClassCountHook', 'CheckpointFitHook', 'InterruptHook')

Base: Any = object  # for type checkers: either of mmengine's runners


def bare(kind: Any) -> str:
    """Name of a type in a config, a class or its name, without the scope."""
    return getattr(kind, '__name__', str(kind)).rpartition('.')[2]


class RunnerMixin(Base):
    """What :class:`Runner` and :class:`FlexibleRunner` add to mmengine's runners of the same names.

    - Training loops that go on in the middle of an epoch, to the same weights: :class:`ResumableEpochLoop`,
      :class:`ResumableIterLoop`.
    - Checkpoints that an interruption cannot break: :class:`AtomicCheckpointHook`. ``resume`` without a checkpoint
      takes the newest one that is whole.
    - Numbers on a device are read one step later: :class:`LateInfoHook`.
    - Hooks: :class:`NonFiniteLossHook`, :class:`ClassCountHook`, :class:`CheckpointFitHook`, :class:`InterruptHook`.
    - Image files that are empty or cut off stop the run: :class:`WholeImages` reads them.
    - One run at a time in a work dir (:class:`WorkDirLock`), and all its processes with the same code and config.
    - The log shows the means of the terms' shares, and says whose operators mmcv runs.
    - Accuracies among the k best classes are skipped where there are fewer than k classes.
    - ``auto_scale_lr`` scales the peak of ``OneCycleLR`` as well.
    - Processes without a GPU talk over gloo.

    Another loop, checkpoint hook, or file backend that a config names stays.
    """

    _load_from: Optional[str]
    _resume: bool

    def __init__(self, *args: Any, launcher: Optional[str] = 'none', **kwargs: Any) -> None:
        start_without_gpu(launcher or infer_launcher(), (kwargs.get('env_cfg') or {}).get('dist_cfg'))
        super().__init__(*args, launcher=launcher, **kwargs)
        self.logger.info(f"mmcv's operators: {in_use()}")

    def build_train_loop(self, loop: Any) -> mmengine.runner.BaseLoop:
        """Build our loop where mmengine's would be built."""
        if isinstance(loop, dict):
            loop = dict(loop)
            by_epoch = loop.pop('by_epoch', True)
            kind = loop.get('type', 'EpochBasedTrainLoop' if by_epoch else 'IterBasedTrainLoop')
            loop['type'] = LOOPS.get(bare(kind), kind)
        return super().build_train_loop(loop)

    def register_default_hooks(self, hooks: Optional[Dict[str, Union[Hook, dict]]] = None) -> None:
        """Write checkpoints and read numbers by our hooks where mmengine's would."""
        hooks = dict(hooks or {})
        checkpoint = hooks.get('checkpoint', dict(type='CheckpointHook', interval=1))
        if isinstance(checkpoint, dict) and bare(checkpoint.get('type')) == 'CheckpointHook':
            hooks['checkpoint'] = dict(checkpoint, type='mmhssakd.AtomicCheckpointHook')
        hooks.setdefault('runtime_info', dict(type='mmhssakd.LateInfoHook'))
        super().register_default_hooks(hooks)

    def register_custom_hooks(self, hooks: List[Union[Hook, dict]]) -> None:
        """Add our hooks, each unless it is there."""
        there = {bare(hook['type'] if isinstance(hook, dict) else type(hook)) for hook in hooks}
        super().register_custom_hooks([*hooks, *(dict(type=f'mmhssakd.{name}') for name in HOOKS if name not in there)])

    def save_checkpoint(self, *args: Any, **kwargs: Any) -> None:
        """Let hooks judge first what they have not read yet."""
        self.call_hook('settle')
        super().save_checkpoint(*args, **kwargs)

    def build_log_processor(self, log_processor: Any) -> mmengine.runner.LogProcessor:
        """Show means of what makes up the losses."""
        if isinstance(log_processor, dict):
            log_processor = dict(dict(mean_pattern=MEANS), **log_processor)
        return super().build_log_processor(log_processor)

    def build_evaluator(self, evaluator: Any) -> Any:
        """Ask for the k best classes only where there are as many."""
        model = self.cfg.get('model') or {}
        head = (model.get('peers') or [model])[0].get('head') or {}
        classes = head.get('num_classes') if isinstance(head, dict) else None
        evaluator = copy.copy(evaluator)
        for i, metric in enumerate(evaluator if isinstance(evaluator, list) else []):
            evaluator[i] = fit_topk(metric, classes)
        return super().build_evaluator(fit_topk(evaluator, classes))

    def build_dataloader(
        self, dataloader: Union[DataLoader, dict], seed: Optional[int] = None, diff_rank_seed: bool = False
    ) -> DataLoader:
        """Let every image file be checked as it is read, and the sizes of those of a batch."""
        if not isinstance(dataloader, dict):
            return dataloader
        loader = super().build_dataloader(check_images(copy.deepcopy(dataloader)), seed, diff_rank_seed)
        loader.collate_fn = partial(collate, loader.collate_fn)
        return loader

    def train(self) -> nn.Module:
        """Train, after what has to be known first.

        Raises:
            FileNotFoundError: There is no checkpoint of the name to resume from.
            RuntimeError: Another run works in the work dir, or a process does not answer.
            ValueError: The checkpoint, or every one in the work dir, is damaged; or the processes differ.
        """
        check_agreement(self.cfg)
        with locked(self.work_dir), silence_named():
            self.find_checkpoint()
            self.scale_peaks()
            return super().train()

    def find_checkpoint(self) -> None:
        """Choose the checkpoint that ``resume`` means; without one in the work dir the run starts anew."""
        if not self._resume:
            return
        if self._load_from is not None:
            check_resumable(self._load_from)
        else:
            self._load_from = newest_checkpoint(self.work_dir)
        if self._load_from is None:
            print_log(f'{self.work_dir} holds no checkpoint yet; the run starts from the beginning.', self.logger, 30)
            self._resume = False

    def scale_peaks(self) -> None:
        """Scale what ``auto_scale_lr`` leaves alone: the peak of ``OneCycleLR``, which sets the rate itself."""
        scale = self.cfg.get('auto_scale_lr') or {}
        schedulers = self.param_schedulers
        for scheduler in schedulers if isinstance(schedulers, list) else [schedulers]:
            if scale.get('enable') and isinstance(scheduler, dict) and bare(scheduler.get('type')) == 'OneCycleLR':
                scheduler['eta_max'] *= self.cfg.train_dataloader.batch_size * self.world_size / scale.base_batch_size


def fit_topk(metric: Any, classes: Optional[int]) -> Any:
    """A metric's config with those of its k best classes that there can be."""
    topk = metric.get('topk') if isinstance(metric, dict) else None
    if not classes or not isinstance(topk, (list, tuple)):
        return metric
    return dict(metric, topk=tuple(k for k in topk if k <= classes))


def check_images(node: Any) -> Any:
    """Give every ``LoadImageFromFile`` of a config the file backend that notices broken images; in place."""
    if isinstance(node, dict) and bare(node.get('type')) == 'LoadImageFromFile' and 'file_client_args' not in node:
        node['backend_args'] = dict(backend='whole_images', inner=node.get('backend_args'))
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, (list, tuple)) else ():
        check_images(child)
    return node


@RUNNERS.register_module()
class Runner(RunnerMixin, mmengine.runner.Runner):
    __doc__ = RunnerMixin.__doc__

    def wrap_model(self, model_wrapper_cfg: Optional[dict], model: nn.Module) -> nn.Module:
        """Wrap by DDP without a GPU's number where there is none."""
        if self.distributed and model_wrapper_cfg is None and not torch.cuda.is_available():
            unused = self.cfg.get('find_unused_parameters', False)
            model_wrapper_cfg = dict(device_ids=None, broadcast_buffers=False, find_unused_parameters=unused)
        return super().wrap_model(model_wrapper_cfg, model)


@RUNNERS.register_module()
class FlexibleRunner(RunnerMixin, mmengine.runner.FlexibleRunner):
    """The same on mmengine's ``FlexibleRunner``, whose strategies can shard a model (FSDP)."""

    def __init__(self, *args: Any, strategy: Optional[dict] = None, **kwargs: Any) -> None:
        if strategy and bare(strategy.get('type')) == 'FSDPStrategy' and not torch.cuda.is_available():
            strategy = dict(strategy, model_wrapper=dict(strategy.get('model_wrapper') or {}, device_id='cpu'))
        super().__init__(*args, strategy=strategy, **kwargs)
