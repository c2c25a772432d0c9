"""Train one config with several sets of options, on several seeds, and tabulate what they reached, resumably.

The sweep file is JSON: "config"; "options" of every arm; "arms", from name to the options that make it; and
"baseline", the arm that the others are compared with. {seed} in an option is replaced by the seed.
"""

import argparse
import json
from pathlib import Path
from typing import List

from arms import Arm, run_all, write_table
from benchmark_transfer import metrics_of
from mmengine.config import Config

KEYS = {'config', 'options', 'arms', 'baseline'}


def read_sweep(file: Path) -> dict:
    """Read a sweep file.

    Raises:
        FileNotFoundError: There is no such file, or its config does not exist.
        ValueError: It is no JSON, or a key is missing or unknown, or the baseline is no arm.
    """
    if not file.is_file():
        raise FileNotFoundError(f'no such sweep file: {file}')
    try:
        sweep = json.loads(file.read_text())
    except json.JSONDecodeError as error:
        raise ValueError(f'{file} is no JSON: {error}') from error
    if not isinstance(sweep, dict) or set(sweep) != KEYS:
        raise ValueError(f'{file} must have the keys {", ".join(sorted(KEYS))}.')
    if sweep['baseline'] not in sweep['arms']:
        raise ValueError(f'{file}: baseline {sweep["baseline"]!r} is none of the arms {list(sweep["arms"])}.')
    if not Path(sweep['config']).is_file():
        raise FileNotFoundError(f'{file}: no such config: {sweep["config"]}')
    return sweep


def make_arms(sweep: dict, seeds: List[int], work_dir: Path) -> List[Arm]:
    """One run for every seed and arm; later options win."""
    metrics = metrics_of(Config.fromfile(sweep['config']))
    return [
        Arm(
            name,
            sweep['config'],
            work_dir / f'seed_{seed}' / name.replace(' ', '_').replace('/', '-'),
            seed,
            metrics,
            {key: str(value).replace('{seed}', str(seed)) for key, value in {**sweep['options'], **options}.items()},
        )
        for seed in seeds
        for name, options in sweep['arms'].items()
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('sweep', type=Path, help='sweep file, such as configs/sweeps/fashion-mnist.json')
    parser.add_argument('--seeds', type=int, nargs='+', default=[0, 1, 2, 3, 4])
    parser.add_argument('--jobs', type=int, default=1, help='runs at a time, each with its part of the cores')
    parser.add_argument('--work-dir', type=Path, help='default: work_dirs/sweeps/<name of the sweep file>')
    args = parser.parse_args()
    work_dir = args.work_dir or Path('work_dirs/sweeps') / args.sweep.stem
    sweep = read_sweep(args.sweep)
    results = run_all(make_arms(sweep, args.seeds, work_dir), args.jobs)
    table = write_table(results, [sweep['baseline']], work_dir / 'sweep')
    print(f'\n{args.sweep}, {len(args.seeds)} seed(s), in %\n\n{table}\n\nAlso in {work_dir}: sweep.json, .md')


if __name__ == '__main__':
    main()
