"""Train a model: a teacher, a student, or a detector, by its config."""

import argparse
import os

from mmengine.config import DictAction
from mmengine.registry import RUNNERS

from mmhssakd.engine.launch import launch_config


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config', help='config file')
    parser.add_argument('--work-dir', help='folder for logs and checkpoints (default: work_dirs/<config name>)')
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
    parser.add_argument('--no-validate', action='store_true', help='do not evaluate during training')
    parser.add_argument(
        '--auto-scale-lr', action='store_true', help='scale the learning rate by the actual over the base batch size'
    )
    parser.add_argument('--no-pin-memory', action='store_true', help='do not pin memory in the data loaders')
    parser.add_argument('--no-persistent-workers', action='store_true', help='restart data workers each epoch')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        help='settings that replace those of the config, as key=value; lists as key="[a,b]"',
    )
    parser.add_argument('--launcher', choices=['none', 'pytorch', 'slurm', 'mpi'], default='none', help='job launcher')
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0, help='set by launchers')
    args = parser.parse_args()
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    return args


def main() -> None:
    cfg = launch_config(parse_args(), 'train_dataloader', 'val_dataloader')
    RUNNERS.build(cfg).train()


if __name__ == '__main__':
    main()
