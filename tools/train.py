"""Train a model: a teacher, a student, or a detector, by its config."""

import argparse
import os

import torch
from mmengine.dist import barrier
from mmengine.registry import RUNNERS

from mmhssakd.engine.launch import DictAction, launch_config, teacher_run


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
        '--train-teacher',
        action='store_true',
        help='first train model.teacher.config if its checkpoint is missing; both runs go on where they were',
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


def train(args: argparse.Namespace) -> None:
    cfg = launch_config(args, 'train_dataloader', 'val_dataloader')
    RUNNERS.build(cfg).train()


def main() -> None:
    args = parse_args()
    if args.train_teacher:
        args.resume = args.resume or 'auto'
        if teacher := teacher_run(args):
            train(teacher)
            barrier()  # the process that saves may be behind the others
            torch.cuda.empty_cache()
    train(args)


if __name__ == '__main__':
    main()
