"""Train the arms of a sweep file on several seeds, and tabulate what they reached. A call that was interrupted goes on.

Sweep files are JSON, like those in configs/sweeps; docs/ablations.md says what stands in them.
"""

import argparse
import contextlib
import os
import signal
import sys
import warnings
from pathlib import Path
from typing import Dict, Iterator, List, Optional, Sequence

import torch

from mmhssakd.engine.launch import DictAction, natural
from mmhssakd.experiments import Sweep, make_sweep, read_sweep
from mmhssakd.experiments.answer import answer
from mmhssakd.experiments.launch import LocalLauncher, SlurmLauncher
from mmhssakd.experiments.runs import Group, Run
from mmhssakd.experiments.screen import Screen
from mmhssakd.experiments.table import split
from mmhssakd.visualization.report import write_report

warnings.simplefilter('ignore')  # the trials' logs have them


def add_arguments(parser: argparse.ArgumentParser, seeds: Optional[Sequence[int]] = None) -> None:
    """Options of every tool that runs a sweep."""
    parser.add_argument('--seeds', type=int, nargs='+', default=seeds, help=f'default: {seeds or "what the file says"}')
    parser.add_argument('--work-dir', type=Path, help='where all is written (default: by the name of the sweep)')
    parser.add_argument('--verbose', action='store_true', help='print all that the trials print')
    parser.add_argument('--report', action='store_true', help='write a page about the trials as well: report.html')
    parser.add_argument(
        '--jobs', type=natural, help='trials at a time, each with its part of the cores (default: 1 with a GPU, else 2)'
    )
    parser.add_argument('--processes', type=natural, help='of each trial, one a GPU (default: what the file says)')
    parser.add_argument(
        '--final',
        type=Path,
        nargs='?',
        const='docs/results/ledger.jsonl',
        metavar='LEDGER',
        help="once the settings are chosen: read the test images (the file's final options) and keep the results in "
        'this file, whose trials never run again (default: docs/results/ledger.jsonl)',
    )
    parser.add_argument('--slurm-partition', help='submit the trials there instead; needs submitit')
    parser.add_argument(
        '--slurm', nargs='+', action=DictAction, default={}, help='of each job: time=60 (minutes) gpus_per_node=1 ...'
    )


@contextlib.contextmanager
def message_alone() -> Iterator[None]:
    """End by the message of an error in a file or an option, without its traceback."""
    try:
        yield
    except (FileNotFoundError, ValueError) as error:
        sys.exit(str(error))


def run_sweep(sweep: Sweep, args: argparse.Namespace) -> List[dict]:
    """Run, tabulate, and say where all is; returns the results.

    Raises:
        SystemExit: A trial failed, or submitit is missing.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C, which a shell may have ignored
    try:
        if args.slurm_partition:
            launcher = SlurmLauncher(sweep.work_dir / 'slurm', args.slurm_partition, args.slurm)
        else:
            alone = torch.cuda.is_available() or sweep.trials[0].processes
            launcher = LocalLauncher(args.jobs or (1 if alone else min(2, os.cpu_count())))
        with Screen(args.verbose, numbers=not sweep.check) as screen:
            results = sweep.run(launcher, screen)
    except (RuntimeError, ModuleNotFoundError) as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit(130)
    said = sweep.write(results)
    if sweep.check:
        said = (
            f'Everything works: {len(results)} trainings ran. They were too short for their results to mean anything.'
        )
    print(f'\n{said}\n\nTables and results: {sweep.work_dir}/sweep.md, sweep.json')
    if args.report:
        page = sweep.work_dir / 'report.html'
        runs: Dict[str, List[Run]] = {}
        for trial in sweep.trials:
            if trial.result:  # others are known from the ledger alone
                runs.setdefault(trial.name, []).append(Run(trial.work_dir))
        groups = [Group(name, members) for name, members in runs.items()]
        baselines = [name for name in sweep.baselines if name in runs]
        with (sweep.work_dir / 'report.log').open('w') as log, contextlib.redirect_stdout(log):
            write_report(groups, page, baseline=baselines, title=sweep.title, results=not sweep.check)
        print(f'All of it on one page: {page.resolve()}')
    if sweep.baselines and not sweep.check:
        print('', *(answer(kind, sweep.baselines) for kind in split(results, 'metric').values()), sep='\n')
    return results


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('sweep', type=Path, help='sweep file, such as configs/sweeps/fashion-mnist.json')
    parser.add_argument('--quick', action='store_true', help='take the file beside it whose name ends with -quick')
    add_arguments(parser)
    args = parser.parse_args()
    file = args.sweep.with_name(f'{args.sweep.stem}-quick.json') if args.quick else args.sweep
    with message_alone():
        found = read_sweep(file)
        sweep = make_sweep(found, args.seeds or found['seeds'], args.work_dir, args.processes, args.final)
    run_sweep(sweep, args)


if __name__ == '__main__':
    main()
