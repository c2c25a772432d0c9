"""The slow part of the tests: interruptions, processes, memory."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import tiny_job

FOLDER = Path(__file__).parent
ROOT = FOLDER.parents[1]
pytestmark = pytest.mark.slow
ENVIRONMENT = dict(os.environ, OMP_NUM_THREADS='1', MMHSSAKD_PYTHON=sys.executable)


def figures(*command) -> list:
    """Run a script of this folder; returns what it prints, a dict a line."""
    done = subprocess.run(
        [sys.executable, str(FOLDER / command[0]), *map(str, command[1:])],
        cwd=ROOT,
        text=True,
        capture_output=True,
        env=ENVIRONMENT,
    )
    print(done.stdout)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-5000:]
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{')]


def test_twenty_kills():
    result = figures('kills.py', '--kills', 20)[-1]
    assert result['total']['kills'] >= 20 and result['total']['faults'] >= 8 and result['total']['terms'] >= 4
    assert result['different'] == 0


def test_memory():
    models, run = figures('long_run.py', '--steps', 400, '--cycles', 50)
    assert models['before'] == models['after'] and models['growth_since_quarter'] < 5
    assert run['growth'] < 5


class Launched:
    """A long run of two processes. The launcher gives each rank a session of its own, so an entry in the environment
    tells which processes belong to the run."""

    def __init__(self, folder: Path, name: str, *options: str) -> None:
        self.log = folder / f'{name}.log'
        self.tag = f'MMHSSAKD_TEST={folder}/{name}'.encode()
        key, value = self.tag.decode().split('=', 1)
        with self.log.open('w') as log:
            self.launcher = subprocess.Popen(
                [
                    'bash',
                    str(ROOT / 'tools/dist_train.sh'),
                    str(folder / 'epochs.py'),
                    '2',
                    '--work-dir',
                    str(folder / name),
                    '--cfg-options',
                    'train_cfg.max_epochs=100000',
                    'train_cfg.val_interval=100000',
                    'default_hooks.checkpoint.interval=100000',
                    *options,
                ],
                stdout=log,
                stderr=subprocess.STDOUT,
                env=dict(ENVIRONMENT, **{key: value}),
                cwd=ROOT,
            )

    def environments(self) -> dict:
        """Of the run's processes, by process id."""
        found = {}
        for file in Path('/proc').glob('[0-9]*/environ'):
            try:
                entries = file.read_bytes().split(b'\0')
            except OSError:  # gone, or somebody else's
                continue
            if self.tag in entries:
                found[int(file.parent.name)] = entries
        return found

    def rank(self, number: int) -> int:
        """Process id of a rank; the data workers that it started later have higher ones."""
        return min(pid for pid, entries in self.environments().items() if f'LOCAL_RANK={number}'.encode() in entries)

    def ports(self) -> set:
        """Ports on which the run listens."""
        inodes = set()
        for pid in self.environments():
            for link in Path(f'/proc/{pid}/fd').glob('*'):
                try:
                    inodes.add(os.readlink(link).removeprefix('socket:[').removesuffix(']'))
                except OSError:
                    continue
        return {port for port, inode in listening() if inode in inodes}


def listening() -> list:
    """Ports on which anything listens, with the number of their socket."""
    tables = [Path(f'/proc/net/{file}').read_text().splitlines()[1:] for file in ('tcp', 'tcp6')]
    lines = [line.split() for table in tables for line in table]
    return [(int(line[1].rpartition(':')[2], 16), line[9]) for line in lines if line[3] == '0A']


def wait_until(condition, seconds: float, what: str):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(0.2)
    raise AssertionError(f'{what}: not within {seconds} s')


@pytest.fixture
def job(tmp_path):
    tiny_job.prepare(tmp_path, workers=1, seed=0)
    return tmp_path


def test_two_runs_one_loses_a_rank_one_is_asked_to_stop(job):
    """They do not meet; the loss of a rank ends a run within a minute and leaves nothing; SIGTERM saves."""
    from mmhssakd.weights.resume import check_resumable

    loses, stops = runs = [Launched(job, 'loses'), Launched(job, 'stops')]
    try:
        for run in runs:
            wait_until(lambda run=run: '[3][' in run.log.read_text(), 180, f'{run.log} trains')
        ports = loses.ports()
        assert ports and stops.ports() and not ports & stops.ports()

        os.kill(loses.rank(1), signal.SIGKILL)
        begin = time.monotonic()
        assert loses.launcher.wait(60) != 0
        wait_until(lambda: not loses.environments(), 60 - (time.monotonic() - begin), 'no process is left')
        print(f'down after {time.monotonic() - begin:.1f} s')
        assert 'Signal 9 (SIGKILL)' in loses.log.read_text() and 'local_rank: 1' in loses.log.read_text()
        assert not ports & {port for port, _ in listening()}

        assert stops.launcher.poll() is None  # the other one goes on
        stops.launcher.send_signal(signal.SIGTERM)
        assert stops.launcher.wait(60) != 0
        wait_until(lambda: not stops.environments(), 60, 'no process is left')
        text = stops.log.read_text()
        assert 'Stopped by SIGTERM after iteration' in text and 'give the same command again with --resume' in text
        check_resumable((job / 'stops/last_checkpoint').read_text())
    finally:
        for run in runs:
            for pid in run.environments():
                os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize('rank', [0, 1])
def test_a_rank_that_is_stopped_is_named(job, rank):
    run = Launched(job, f'stands_still_{rank}', 'env_cfg.dist_cfg.timeout=5')
    try:
        wait_until(lambda: '[3][' in run.log.read_text(), 180, f'{run.log} trains')
        os.kill(run.rank(rank), signal.SIGSTOP)
        assert run.launcher.wait(90) != 0
        wait_until(lambda: not run.environments(), 60, 'no process is left')
        assert f'RuntimeError: No answer from rank {rank}: ' in run.log.read_text()
    finally:
        for pid in run.environments():
            os.kill(pid, signal.SIGKILL)
