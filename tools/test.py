"""Evaluate a checkpoint: a teacher, a student, or a detector, by its config."""

import argparse

import mmengine
from common import add_arguments, load_config
from mmengine.evaluator import DumpResults
from mmengine.registry import RUNNERS
from mmengine.runner import Runner

from mmhssakd.compat.operators import in_use
from mmhssakd.engine.reliability import make_test_reliable
from mmhssakd.weights.checkpoint import read_state_dict


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    add_arguments(parser)
    parser.add_argument('checkpoint', help='checkpoint file')
    parser.add_argument('--out', help='file for the results: .json for the metrics, .pkl for the predictions')
    parser.add_argument('--show', action='store_true', help='show the predictions in a window')
    parser.add_argument('--show-dir', help='folder for pictures of the predictions')
    parser.add_argument('--interval', type=int, default=1, help='draw one sample of so many')
    parser.add_argument('--wait-time', type=float, default=2, help='seconds that each window stays')
    args = parser.parse_args()
    if args.out and not args.out.endswith(('.json', '.pkl', '.pickle')):
        parser.error(f'--out must end in .json (metrics) or .pkl (predictions), but got {args.out}')
    return args


def main() -> None:
    args = parse_args()
    cfg = load_config(args, ('test_dataloader',))
    read_state_dict(args.checkpoint, 'checkpoint')
    cfg.load_from = args.checkpoint
    make_test_reliable(cfg)
    if cfg.model.get('teacher') is not None:
        cfg.model.teacher = None  # evaluation never asks the teacher
    if args.show or args.show_dir:
        cfg.default_hooks.visualization.update(
            show=args.show,
            wait_time=args.wait_time,
            interval=args.interval,
            **(
                {'draw': True, 'test_out_dir': args.show_dir}
                if cfg.get('default_scope') == 'mmdet'
                else {'enable': True, 'out_dir': args.show_dir}
            ),
        )
    runner = RUNNERS.build(cfg) if 'runner_type' in cfg else Runner.from_cfg(cfg)
    runner.logger.info(f"mmcv's operators: {in_use()}")
    if args.out and not args.out.endswith('.json'):
        runner.test_evaluator.metrics.append(DumpResults(out_file_path=args.out))
    metrics = runner.test()
    if args.out and args.out.endswith('.json'):
        mmengine.dump(metrics, args.out)


if __name__ == '__main__':
    main()
