"""What makes a run reliable, put into any config: exact loops, whole checkpoints, saving on signals, checks."""

from typing import Iterable

from mmengine.config import Config, ConfigDict

from .detector_config import walk

LOOPS = {'EpochBasedTrainLoop': 'mmhssakd.ResumableEpochLoop', 'IterBasedTrainLoop': 'mmhssakd.ResumableIterLoop'}
# What the log shows the mean of since its last line: mmengine's, and the shares and accuracies that make up the losses.
MEANS = r'.*(loss|time|data_time|grad_norm|kl_q|ce_q|acc_[pq]).*'
TRAINING_HOOKS = ('mmhssakd.NonFiniteLossHook', 'mmhssakd.ClassCountHook', 'mmhssakd.InterruptHook')


def bare(name: str) -> str:
    """A type's name without mmengine's scope."""
    return name.removeprefix('mmengine.') if isinstance(name, str) else ''


def add_hooks(cfg: Config, types: Iterable[str]) -> None:
    """Add custom hooks that the config does not have yet."""
    hooks = list(cfg.get('custom_hooks') or [])
    there = {hook.get('type') for hook in hooks if isinstance(hook, dict)}
    cfg.custom_hooks = hooks + [ConfigDict(type=name) for name in types if name not in there]


def check_images(cfg: Config) -> None:
    """Let every pipeline load images with :class:`mmhssakd.LoadImage`, which notices broken files."""
    loaders = [cfg[key] for key in ('train_dataloader', 'val_dataloader', 'test_dataloader') if cfg.get(key)]
    for _, node in walk(loaders):
        if node.get('type') in ('LoadImageFromFile', 'mmcv.LoadImageFromFile') and 'file_client_args' not in node:
            node['type'] = 'mmhssakd.LoadImage'


def fit_topk(cfg: Config) -> None:
    """Leave out of the metrics which of the k best classes holds the label where there are fewer than k classes."""
    model = cfg.get('model') or {}
    head = (model.get('peers') or [model])[0].get('head')
    classes = head.get('num_classes') if isinstance(head, dict) else None
    for _, node in walk([cfg[key] for key in ('val_evaluator', 'test_evaluator') if cfg.get(key)]):
        topk = node.get('topk')
        if classes and isinstance(topk, (list, tuple)) and max(topk) > classes:
            node['topk'] = tuple(k for k in topk if k <= classes)


def make_training_reliable(cfg: Config) -> None:
    """Put our loop, checkpoint hook and checks in the place of mmengine's; what the config sets for them stays.

    A loop or checkpoint hook of another type is left alone.
    """
    loop = cfg.train_cfg
    if 'type' not in loop:
        loop.type = 'EpochBasedTrainLoop' if loop.pop('by_epoch', True) else 'IterBasedTrainLoop'
    loop.type = LOOPS.get(bare(loop.type), loop.type)
    hooks = cfg.setdefault('default_hooks', ConfigDict())
    checkpoint = hooks.setdefault('checkpoint', ConfigDict(type='CheckpointHook', interval=1))
    if checkpoint is not None and bare(checkpoint.get('type')) == 'CheckpointHook':
        checkpoint.type = 'mmhssakd.AtomicCheckpointHook'
    if isinstance(cfg.setdefault('log_processor', ConfigDict()), dict):
        cfg.log_processor.setdefault('mean_pattern', MEANS)
    fit_topk(cfg)
    add_hooks(cfg, TRAINING_HOOKS + (('mmhssakd.CheckpointFitHook',) if cfg.get('resume') else ()))
    check_images(cfg)


def make_test_reliable(cfg: Config) -> None:
    """Let a test stop for a checkpoint, a number of classes or an image that does not fit; nothing else is loaded."""
    cfg.custom_hooks = [
        hook
        for hook in cfg.get('custom_hooks') or []
        if not isinstance(hook, dict) or hook.get('type') not in ('PretrainedCheckHook', 'mmhssakd.PretrainedCheckHook')
    ]
    fit_topk(cfg)
    add_hooks(cfg, ('mmhssakd.CheckpointFitHook', 'mmhssakd.ClassCountHook'))
    check_images(cfg)
