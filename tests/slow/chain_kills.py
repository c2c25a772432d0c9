"""Kill the paper's chain (laptop size, fewer images) at random moments, and compare with a chain that nobody killed.

    python tests/slow/chain_kills.py --kills 10

The sweep and its trials get SIGKILL together; the same command is called again until the chain is finished.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from kills import differences, state

ROOT = Path(__file__).parents[2]
FEW = {
    'train_cfg.max_epochs': 4,
    'train_cfg.val_interval': 1,
    'default_hooks.checkpoint.interval': 1,
    'default_hooks.logger.interval': 1,
}
CLASSIFIER = {**FEW, 'train_dataloader.dataset.num_images': 300, 'val_dataloader.dataset.indices': 100}
CLASSIFIER |= {'param_scheduler.total_steps': 4, 'param_scheduler.end': 4}
DETECTOR = {**FEW, 'train_dataloader.dataset.dataset.indices': 20, 'val_dataloader.dataset.indices': 10}
DETECTOR |= {'param_scheduler.0.total_steps': 4, 'param_scheduler.0.end': 4}


def shorten(folder: Path) -> Path:
    """The chain with few images and epochs."""
    sweep = json.loads((ROOT / 'configs/sweeps/paper-small.json').read_text())
    for name, arm in sweep['arms'].items():
        arm.update(DETECTOR if 'detector' in name else CLASSIFIER)
    (folder / 'chain.json').write_text(json.dumps(sweep))
    return folder / 'chain.json'


def start(file: Path, work_dir: Path) -> 'subprocess.Popen[bytes]':
    """Start the sweep, or go on with it, in a process group of its own."""
    command = [sys.executable, 'tools/sweep.py', str(file), '--work-dir', str(work_dir), '--jobs', '2']
    with open(f'{work_dir}.log', 'ab') as log:
        return subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log, start_new_session=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--kills', type=int, default=10)
    parser.add_argument('--seed', type=int, default=0)
    args = parser.parse_args()
    os.environ['OMP_NUM_THREADS'] = '1'
    chance = random.Random(args.seed)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        file = shorten(folder)
        begin = time.time()
        if start(file, folder / 'whole').wait():
            sys.exit((folder / 'whole.log').read_text()[-3000:])
        seconds = time.time() - begin
        kills, sessions = 0, 0
        while True:
            run, sessions = start(file, folder / 'killed'), sessions + 1
            try:  # a session must get somewhere, or the chain would never end: imports alone take seconds
                code = run.wait(chance.uniform(0.15, 0.3) * seconds if kills < args.kills else None)
                break
            except subprocess.TimeoutExpired:
                os.killpg(run.pid, signal.SIGKILL)
                run.wait()
                kills += 1
        if code:
            sys.exit((folder / 'killed.log').read_text()[-3000:])
        trials = sorted(file.parent for file in (folder / 'whole').rglob('trial.json'))
        found = []
        for trial in trials:
            last = json.loads((trial / 'trial.json').read_text())['checkpoint']
            other = folder / 'killed' / trial.relative_to(folder / 'whole')
            found += [f'{trial.name}{d}' for d in differences(state(other / last), state(trial / last))]
        print(f'{len(trials)} trials, {kills} kills, {sessions} sessions, {seconds:.0f} s undisturbed')
        sys.exit(f'different: {", ".join(found[:20])}' if found else 0)


if __name__ == '__main__':
    main()
