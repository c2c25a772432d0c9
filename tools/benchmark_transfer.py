"""Run all arms and seeds of a transfer benchmark, resumably, and tabulate mean, deviation and difference to a baseline.

The arms differ in the backbone's checkpoint alone. CHECKPOINT may hold {seed}; "random" is a random start.
"""

import argparse
from pathlib import Path
from typing import Dict, List

from arms import Arm, run_all, write_table
from mmengine.config import Config, DictAction

DEFAULT_ARMS = {'random': 'random'} | {
    name: 'work_dirs/quickstart/seed_{seed}/' + f'{name.lower()}_r8/epoch_40.pth' for name in ('CE', 'KD', 'HSSAKD')
}


def metrics_of(cfg: Config) -> List[str]:
    """Names of the metrics that a config's evaluators report, the main one first.

    Raises:
        ValueError: None of them is known.
    """
    names = []
    evaluators = cfg.val_evaluator if isinstance(cfg.val_evaluator, (list, tuple)) else [cfg.val_evaluator]
    for evaluator in evaluators:
        if evaluator.type.split('.')[-1] == 'VOCMetric':
            prefix = evaluator.get('prefix', 'pascal_voc')
            names += [f'{prefix}/mAP', f'{prefix}/AP50']
        elif evaluator.type == 'CocoMetric':
            kinds = evaluator.metric if isinstance(evaluator.metric, (list, tuple)) else [evaluator.metric]
            names += [f'coco/{kind}_{ap}' for kind in kinds for ap in ('mAP', 'mAP_50')]
        elif evaluator.type == 'Accuracy':
            names.append('accuracy/top1')
    if not names:
        raise ValueError(f'No metric is known for val_evaluator {evaluators}.')
    return names


def make_arms(config: str, starts: Dict[str, str], seeds: List[int], work_dir: Path, options: dict) -> List[Arm]:
    """One run for every seed and start.

    Raises:
        FileNotFoundError: A checkpoint is missing.
    """
    metrics = metrics_of(Config.fromfile(config))
    arms = []
    for seed in seeds:
        for name, checkpoint in starts.items():
            if checkpoint == 'random':
                start = {'model.backbone.init_cfg': None}
            else:
                file = checkpoint.replace('{seed}', str(seed))
                if not Path(file).is_file():
                    raise FileNotFoundError(f'--arm {name}: no such checkpoint: {file}')
                start = {'model.backbone.init_cfg.checkpoint': file}
            arms.append(Arm(name, config, work_dir / f'seed_{seed}' / name, seed, metrics, {**options, **start}))
    return arms


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', help='config of a detector or of a linear probe')
    parser.add_argument(
        '--arm',
        action='append',
        default=[],
        metavar='NAME=CHECKPOINT',
        help='an arm; by default a random start and the students of the quickstart',
    )
    parser.add_argument('--baseline', nargs='+', default=['CE'], help='arms to compare the others with (default: CE)')
    parser.add_argument('--seeds', type=int, nargs='+', default=[0, 1, 2])
    parser.add_argument('--jobs', type=int, default=1, help='runs at a time, each with its part of the cores')
    parser.add_argument('--work-dir', type=Path, help='default: work_dirs/transfer/<config name>')
    parser.add_argument('--cfg-options', nargs='+', action=DictAction, default={}, help='options of every run')
    args = parser.parse_args()
    if not all('=' in arm for arm in args.arm):
        parser.error(f'--arm wants NAME=CHECKPOINT, but got {args.arm}')
    args.starts = dict(arm.split('=', 1) for arm in args.arm) or DEFAULT_ARMS
    unknown = [name for name in args.baseline if name not in args.starts]
    if unknown:
        parser.error(f'--baseline {" ".join(unknown)}: the arms are {", ".join(args.starts)}')
    if not Path(args.config).is_file():
        parser.error(f'no such config file: {args.config}')
    return args


def main() -> None:
    args = parse_args()
    work_dir = args.work_dir or Path('work_dirs/transfer') / Path(args.config).stem
    results = run_all(make_arms(args.config, args.starts, args.seeds, work_dir, args.cfg_options), args.jobs)
    scale = 1 if results[0]['metrics'].keys() & {'accuracy/top1'} else 100
    table = write_table(results, args.baseline, work_dir / 'transfer', scale)
    print(f'\n{args.config}, {len(args.seeds)} seed(s), in %\n\n{table}\n\nAlso in {work_dir}: transfer.json, .md')


if __name__ == '__main__':
    main()
