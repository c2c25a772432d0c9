"""Kill a chain of trainings (few images) at random moments, and compare with a chain that nobody killed.

    python tests/slow/chain_kills.py --kills 20                                        # the paper's, laptop size
    python tests/slow/chain_kills.py --kills 20 --sweep configs/sweeps/quickstart.json # the quickstart's

The sweep and its trials, two at a time, get SIGKILL together; the same command is called again until the chain is
finished. Sweep and trials are forks of this process, which saves their imports.
"""

import argparse
import json
import os
import random
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Optional

import short_run
import sweep
from detection_data import make_voc
from fashion_data import make_fashion
from kills import differences, state
from mmengine.config import Config

from mmhssakd.experiments.launch import LocalLauncher
from mmhssakd.experiments.trial import Trial

FEW = {
    'train_cfg.max_epochs': 4,
    'train_cfg.val_interval': 1,
    'default_hooks.checkpoint.interval': 1,
    'default_hooks.logger.interval': 1,
}
CLASSIFIER = {**FEW, 'train_dataloader.dataset.num_images': 40, 'train_dataloader.batch_size': 8}
CLASSIFIER |= {'param_scheduler.total_steps': 4, 'param_scheduler.end': 4, 'val_dataloader.dataset.indices': 20}
DETECTOR = {**FEW, 'param_scheduler.0.total_steps': 4, 'param_scheduler.0.end': 4}
WORKERS = {'train_dataloader.num_workers': 1, 'val_dataloader.num_workers': 0}


def shorten(sweep_file: Path, folder: Path) -> Path:
    """The chain with few epochs, on few images."""
    chain = json.loads(sweep_file.read_text())
    detector = Config.fromfile(chain['arms']['detector from HSSAKD']['config'])
    roots = make_fashion(folder / 'fashion', 100, 20), make_voc(folder / 'scenes', detector.class_names[:2], 9)
    for name, arm in chain['arms'].items():
        own = 'detector' in name
        arm.update(DETECTOR if own else CLASSIFIER, **WORKERS, data_root=str(roots[own]))
    (folder / 'chain.json').write_text(json.dumps(chain))
    return folder / 'chain.json'


class Fork:
    """A trial, asked like a process."""

    def __init__(self, trial: Trial) -> None:
        sys.argv = trial.command()[2:]  # without python -u
        self.pid, self.code = short_run.fork(short_run.train.main, trial.log, session=False), None

    def poll(self) -> Optional[int]:
        self.code = short_run.wait(self.pid, 0) if self.code is None else self.code
        return self.code


def start(file: Path, work_dir: Path) -> int:
    """Start the sweep, or go on with it, in a session of its own; returns its process id."""

    def run() -> None:
        LocalLauncher.start = lambda self, trial: Fork(trial)
        sys.argv = ['sweep.py', str(file), '--work-dir', str(work_dir), '--jobs', '2']
        sweep.main()

    return short_run.fork(run, Path(f'{work_dir}.log'))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--kills', type=int, default=20)
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--sweep', type=Path, default=Path('configs/sweeps/paper-small.json'))
    args = parser.parse_args()
    os.chdir(short_run.ROOT)
    chance = random.Random(args.seed)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        file = shorten(args.sweep, folder)
        begin = time.time()
        if short_run.wait(start(file, folder / 'whole')):
            sys.exit((folder / 'whole.log').read_text()[-3000:])
        seconds = time.time() - begin
        kills, chains, found = 0, 0, []
        trials = sorted(file.parent for file in (folder / 'whole').rglob('trial.json'))
        while kills < args.kills or not chains:
            killed, chains, code = folder / f'killed_{chains}', chains + 1, None
            while code is None:
                run = start(file, killed)
                code = short_run.wait(run, chance.uniform(0, 0.3) * seconds if kills < args.kills else None)
                if code is None:
                    os.killpg(run, signal.SIGKILL)
                    short_run.wait(run)
                    kills += 1
            if code:
                sys.exit(Path(f'{killed}.log').read_text()[-3000:])
            for trial in trials:
                last = json.loads((trial / 'trial.json').read_text())['checkpoint']
                other = killed / trial.relative_to(folder / 'whole')
                found += [f'{trial.name}{d}' for d in differences(state(other / last), state(trial / last))]
        print(f'{len(trials)} trials, {seconds:.0f} s undisturbed; {kills} kills in {chains} chains', flush=True)
        sys.exit(f'different: {", ".join(found[:20])}' if found else 0)


if __name__ == '__main__':
    main()
