"""Interrupt short real runs at random moments, resume them, and compare with runs that nobody interrupted.

    python tests/slow/kills.py --kills 20
    python tests/slow/kills.py --kills 20 --job detector
    python tests/slow/kills.py --kills 20 --job online

The first trains a student, the last two peers in two processes: one is killed, the other gets SIGTERM, as torchrun does
it. Kills (SIGKILL) come by the clock, and at calls that write, name or remove a checkpoint. SIGTERM comes by the clock.
"""

import argparse
import json
import os
import random
import signal
import tempfile
import time
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Optional

import short_run
import tiny_job
import torch

from mmhssakd.weights.resume import check_resumable

# What prepares the configs, their kinds with numbers of data workers (0: the run itself), and processes.
JOBS = dict(
    student=(short_run.prepare, [('epochs', 0), ('iterations', 2), ('epochs', 2), ('iterations', 0)], 1),
    detector=(tiny_job.prepare_detector, [('detector', 0), ('detector', 2)], 1),
    online=(tiny_job.prepare_online, [('online', 0), ('online', 2)], 2),
)


def differences(found: object, expected: object, where: str = '') -> list:
    """Places in which two checkpoints differ."""
    if isinstance(expected, torch.Tensor):
        return [] if torch.equal(found, expected) else [where]
    if isinstance(expected, dict):
        keys = [] if set(found) == set(expected) else [f'{where}: keys']
        return keys + [
            d for key in expected if key in found for d in differences(found[key], expected[key], f'{where}.{key}')
        ]
    if isinstance(expected, (list, tuple)):
        return [d for i, (a, b) in enumerate(zip(found, expected)) for d in differences(a, b, f'{where}.{i}')]
    return [] if found == expected else [where]


def state(checkpoint: Path) -> dict:
    """What two runs must agree on: weights, optimizer with its learning rates, schedules, place."""
    content = torch.load(checkpoint, weights_only=True)
    return dict(
        {key: content[key] for key in ('state_dict', 'optimizer', 'param_schedulers')},
        place=(content['meta']['epoch'], content['meta']['iter']),
    )


def same(found: Path, expected: Path, last: str) -> None:
    """Compare the last checkpoints of two work dirs.

    Raises:
        SystemExit: Weights, optimizer, schedules or place differ.
    """
    wrong = differences(state(found / last), state(expected / last))
    print(json.dumps(dict(run=found.name, different=len(wrong))), flush=True)
    if wrong:
        raise SystemExit(f'{found} and {expected} differ in {len(wrong)} values, such as {wrong[:5]}')


class Trial:
    """A run in one work dir, interrupted as often as it takes."""

    def __init__(self, config: Path, last: str, work_dir: Path, processes: int = 1) -> None:
        self.config, self.last, self.work_dir, self.processes = config, last, work_dir, processes
        self.sessions = []

    def attempt(self, stop: int = 0, seconds: Optional[float] = None, fault: Optional[tuple] = None) -> int:
        """Start or resume the run, interrupt it, check what it left; returns its exit status."""
        log = Path(f'{self.work_dir}.log')
        before = log.stat().st_size if log.exists() else 0
        pid = short_run.start(self.config, self.work_dir, '--resume', fault=fault, processes=self.processes)
        self.sessions.append(pid)
        status = None
        while status is None and seconds is not None and b'Checkpoints will be saved' not in self.tail(log, before):
            status = short_run.wait(pid, 0.01)  # it is being built
        status = short_run.wait(pid, seconds) if status is None else status
        stopped = status is None
        if stopped:
            one = self.processes > 1 and stop == signal.SIGKILL
            os.kill(random.choice(short_run.members([pid]) or [pid]) if one else pid, stop)
        if self.processes > 1 and status != 0:
            with suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGTERM)
        if stopped:
            status = short_run.wait(pid, 120)
        if status is None or (self.processes > 1 and short_run.orphans([pid], 60)):
            raise RuntimeError(f'{self.work_dir}: the run does not end: {log.read_text()[-3000:]}')
        if stopped and self.processes > 1:
            status = -stop  # whatever the others made of it
        self.check_pointer()
        return status

    @staticmethod
    def tail(file: Path, start: int) -> bytes:
        """What was added to a file."""
        if not file.exists():
            return b''
        with file.open('rb') as stream:
            stream.seek(start)
            return stream.read()

    def check_pointer(self) -> None:
        """``last_checkpoint`` must name a whole file, at any moment."""
        pointer = self.work_dir / 'last_checkpoint'
        if pointer.exists():
            check_resumable(pointer.read_text())

    def training_time(self) -> float:
        """Seconds from the first checkpoint hook to the last checkpoint, by the log and the file."""
        begin = next(
            line
            for line in Path(f'{self.work_dir}.log').read_text().splitlines()
            if 'Checkpoints will be saved' in line
        )[:14]
        begin = datetime.strptime(f'{datetime.now().year}/{begin}', '%Y/%m/%d %H:%M:%S').timestamp()
        return max((self.work_dir / self.last).stat().st_mtime - begin, 0.5)

    def result(self) -> dict:
        return state(self.work_dir / self.last)


def interrupted(trial: Trial, rng: random.Random, kills: int, terms: int, faults: int, duration: float) -> dict:
    """Interrupt a trial until it is through with all; returns how many of each kind there were."""
    done = dict(kills=0, terms=0, faults=0)
    wanted = ['kills'] * kills + ['terms'] * terms + ['faults'] * faults
    rng.shuffle(wanted)
    for kind in wanted:
        if kind == 'faults':
            fault = (rng.choice(['fsync', 'replace', 'replace', 'remove']), rng.randint(1, 2))
            status = trial.attempt(fault=fault)
        else:
            stop = signal.SIGKILL if kind == 'kills' else signal.SIGTERM
            status = trial.attempt(stop, rng.uniform(0, 1) * duration)
        if status == 0:
            return done  # it reached its end first
        if status not in (-signal.SIGKILL, -signal.SIGTERM, 128 + signal.SIGTERM):
            raise RuntimeError(f'the run failed with {status}: {Path(f"{trial.work_dir}.log").read_text()[-3000:]}')
        done[kind] += 1
    status = trial.attempt()
    if status:
        raise RuntimeError(f'the run failed with {status}: {Path(f"{trial.work_dir}.log").read_text()[-3000:]}')
    return done


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--kills', type=int, default=20, help='SIGKILL by the clock')
    parser.add_argument('--faults', type=int, default=8, help='SIGKILL while a checkpoint is written')
    parser.add_argument('--terms', type=int, default=4, help='SIGTERM by the clock')
    parser.add_argument('--seed', type=int, default=0, help='seed of the moments')
    parser.add_argument('--job', choices=JOBS, default='student')
    args = parser.parse_args()
    random.seed(args.seed)
    rng, begin = random.Random(args.seed), time.monotonic()
    total = dict(kills=0, terms=0, faults=0)
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        prepare, settings, processes = JOBS[args.job]
        references, number = {}, 0
        jobs = {workers: prepare(folder / f'workers_{workers}', workers=workers, seed=0) for workers in (0, 2)}
        for kind, workers in settings:
            config, last = jobs[workers][kind]
            trial = Trial(config, last, config.parent / f'reference_{kind}', processes)
            if trial.attempt():
                raise RuntimeError(f'the run failed: {Path(f"{trial.work_dir}.log").read_text()[-3000:]}')
            references[kind, workers] = (config, last, trial.result(), trial.training_time())
        kind = settings[0][0]
        assert not differences(references[kind, 0][2], references[kind, 2][2])  # workers make no difference
        while any(total[name] < getattr(args, name) for name in total):
            kind, workers = settings[number % len(settings)]
            config, last, expected, duration = references[kind, workers]
            trial = Trial(config, last, config.parent / f'trial_{number}', processes)
            most = dict(kills=3, faults=2, terms=1)  # of each kind in a run; more would be at its end
            left = {name: min(most[name], getattr(args, name) - total[name]) for name in total}
            done = interrupted(trial, rng, **left, duration=duration)
            wrong = differences(trial.result(), expected)
            print(json.dumps(dict(kind=kind, workers=workers, **done, different=wrong)), flush=True)
            if wrong:
                raise SystemExit(f"{trial.work_dir}: {len(wrong)} values differ from the uninterrupted run's")
            orphans = short_run.orphans(trial.sessions)
            if orphans:
                raise SystemExit(f'{trial.work_dir}: the processes {orphans} outlived their run')
            total = {name: total[name] + done[name] for name in total}
            number += 1
    print(json.dumps(dict(total=total, runs=number, different=0, seconds=round(time.monotonic() - begin))))


if __name__ == '__main__':
    main()
