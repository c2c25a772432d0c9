"""Evaluate a checkpoint: a teacher, a student, or a detector, by its config."""

import argparse
import os

import mmengine
from mmengine.config import Config
from mmengine.evaluator import DumpResults
from mmengine.registry import RUNNERS

from mmhssakd.engine.launch import DictAction, launch_config
from mmhssakd.weights.checkpoint import read_state_dict


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config', help='config file')
    parser.add_argument('checkpoint', help='checkpoint file')
    parser.add_argument('--work-dir', help='folder for logs (default: work_dirs/<config name>)')
    parser.add_argument('--out', help='file for the results: .json for the metrics, .pkl for the predictions')
    parser.add_argument('--show', action='store_true', help='show the predictions in a window')
    parser.add_argument('--show-dir', help='folder for pictures of the predictions')
    parser.add_argument('--interval', type=int, default=1, help='draw one sample of so many')
    parser.add_argument('--wait-time', type=float, default=2, help='seconds that each window stays')
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
    if args.out and not args.out.endswith(('.json', '.pkl', '.pickle')):
        parser.error(f'--out must end in .json (metrics) or .pkl (predictions), but got {args.out}')
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    return args


def draw_predictions(cfg: Config, args: argparse.Namespace) -> None:
    """Turn the visualization hook on, whose options mmdet and mmpretrain name differently."""
    where = dict(enable=True, out_dir=args.show_dir)
    if cfg.get('default_scope') == 'mmdet':
        where = dict(draw=True, test_out_dir=args.show_dir)
    cfg.default_hooks.visualization.update(show=args.show, wait_time=args.wait_time, interval=args.interval, **where)


def main() -> None:
    args = parse_args()
    cfg = launch_config(args, 'test_dataloader')
    read_state_dict(args.checkpoint, 'checkpoint')  # before the data are read
    if args.show or args.show_dir:
        draw_predictions(cfg, args)
    runner = RUNNERS.build(cfg)
    if args.out and not args.out.endswith('.json'):
        runner.test_evaluator.metrics.append(DumpResults(out_file_path=args.out))
    metrics = runner.test()
    if args.out and args.out.endswith('.json'):
        mmengine.dump(metrics, args.out)


if __name__ == '__main__':
    main()
