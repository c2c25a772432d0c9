"""Train a model: a teacher, a student, or a detector, by its config."""

import argparse
import logging

from common import add_arguments, load_config
from mmengine.config import Config
from mmengine.logging import print_log
from mmengine.registry import RUNNERS
from mmengine.runner import Runner

from mmhssakd.compat.operators import in_use
from mmhssakd.engine.precision import use_amp
from mmhssakd.engine.reliability import make_training_reliable
from mmhssakd.weights.resume import check_resumable, newest_checkpoint


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    add_arguments(parser)
    parser.add_argument(
        '--resume',
        nargs='?',
        const='auto',
        help='resume from this checkpoint, or without a value from the latest in the work dir',
    )
    parser.add_argument(
        '--amp',
        action='store_true',
        help='mixed precision: bfloat16; float16 for a detector and on a GPU without bfloat16',
    )
    parser.add_argument(
        '--auto-scale-lr', action='store_true', help='scale the learning rate by the actual over the base batch size'
    )
    parser.add_argument('--no-validate', action='store_true', help='do not evaluate during training')
    return parser.parse_args()


def scale_peaks(runner: Runner, cfg: Config) -> None:
    """Scale what ``--auto-scale-lr`` leaves alone: the peak of ``OneCycleLR``, which replaces the optimizer's rate."""
    ratio = cfg.train_dataloader.batch_size * runner.world_size / cfg.auto_scale_lr.base_batch_size
    schedulers = runner.param_schedulers
    for scheduler in schedulers if isinstance(schedulers, list) else [schedulers]:
        if isinstance(scheduler, dict) and scheduler.get('type') == 'OneCycleLR':
            scheduler['eta_max'] *= ratio


def resume(cfg: Config, checkpoint: str) -> None:
    """Let a run go on from a checkpoint ('auto': the newest one that is whole, or from the start if there is none).

    Raises:
        FileNotFoundError: There is no such checkpoint.
        ValueError: It, or with 'auto' every one, is damaged.
    """
    if checkpoint == 'auto':
        checkpoint = newest_checkpoint(cfg.work_dir)
        if checkpoint is None:
            print_log(
                f'--resume: {cfg.work_dir} holds no checkpoint yet; the run starts from the beginning.',
                level=logging.WARNING,
            )
            return
    else:
        check_resumable(checkpoint)
    cfg.resume, cfg.load_from = True, checkpoint


def main() -> None:
    args = parse_args()
    cfg = load_config(args, ('train_dataloader', 'val_dataloader'))
    if args.no_validate:
        cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
    if args.amp:
        use_amp(cfg)
    if args.auto_scale_lr:
        if 'base_batch_size' not in cfg.get('auto_scale_lr', {}):
            raise KeyError(f'{args.config} has no auto_scale_lr.base_batch_size, which --auto-scale-lr needs.')
        cfg.auto_scale_lr.enable = True
    if args.resume:
        resume(cfg, args.resume)
    make_training_reliable(cfg)
    runner = RUNNERS.build(cfg) if 'runner_type' in cfg else Runner.from_cfg(cfg)
    runner.logger.info(f"mmcv's operators: {in_use()}")
    if args.auto_scale_lr:
        scale_peaks(runner, cfg)
    runner.train()


if __name__ == '__main__':
    main()
