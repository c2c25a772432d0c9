"""Train a detector or a linear probe from several backbones, on several seeds: a sweep over starts, with a table.

CHECKPOINT may hold {seed}; "random" is a random start, of which all is trained. A call that was interrupted goes on.
"""

import argparse
from pathlib import Path

from sweep import add_arguments, message_alone, run_sweep

from mmhssakd.engine.launch import DictAction
from mmhssakd.experiments import make_sweep

STUDENTS = {n: f'work_dirs/quickstart/seed_{{seed}}/{n.lower()}_r8/epoch_80.pth' for n in ('CE', 'KD', 'HSSAKD')}


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
    parser.add_argument('--cfg-options', nargs='+', action=DictAction, default={}, help='options of every run')
    add_arguments(parser, range(3))
    args = parser.parse_args()
    if not all('=' in arm for arm in args.arm):
        parser.error(f'--arm wants NAME=CHECKPOINT, but got {args.arm}')
    args.starts = dict(arm.split('=', 1) for arm in args.arm) or {'random': 'random', **STUDENTS}
    unknown = [name for name in args.baseline if name not in args.starts]
    if unknown:
        parser.error(f'--baseline {" ".join(unknown)}: the arms are {", ".join(args.starts)}')
    for name, start in args.starts.items():
        for file in {start.replace('{seed}', str(seed)) for seed in args.seeds} - {'random'}:
            if not Path(file).is_file():
                parser.error(f'--arm {name}: no such checkpoint: {file}')
    return args


def main() -> None:
    args = parse_args()
    arms = {
        name: {'random_start': True} if start == 'random' else {'model.backbone.init_cfg.checkpoint': start}
        for name, start in args.starts.items()
    }
    sweep = dict(title=args.config, config=args.config, options=args.cfg_options, baseline=args.baseline, arms=arms)
    root = args.work_dir or Path('work_dirs/transfer') / Path(args.config).stem
    with message_alone():
        made = make_sweep(sweep, args.seeds, root, args.processes, args.final)
    run_sweep(made, args)


if __name__ == '__main__':
    main()
