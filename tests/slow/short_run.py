"""A short real run of tools/train.py, on images in Fashion-MNIST's format, to be interrupted.

The imports take longer than the run. So they are done once, and every run is a fork of this process.
"""

import os
import signal
import socket
import sys
import time
import traceback
from pathlib import Path
from typing import Callable, Optional, Tuple

ROOT = Path(__file__).parents[2]
os.environ['OMP_NUM_THREADS'] = '1'
sys.path.insert(0, str(ROOT))
import mmhssakd  # noqa: E402, F401  before mmdet asks for mmcv's operators

sys.path[:0] = [str(ROOT / 'tools'), str(ROOT / 'tests/helpers')]

import pytest  # noqa: E402
import tiny_job  # noqa: E402
import torch  # noqa: E402
import train  # noqa: E402
from mmengine.config import Config  # noqa: E402

torch.set_num_threads(1)
tiny_job.leave_configs_as_they_are(pytest.MonkeyPatch())  # for good: in this process and its forks


def prepare(folder: Path, **kwargs) -> dict:
    """Prepare the job of tiny_job.py, with each config in one file, which is read faster."""
    found = tiny_job.prepare(folder, **kwargs)
    for config in (folder / 'teacher.py', *(config for config, _ in found.values())):
        Config.fromfile(config).dump(config)
    return found


def die_at(call: str, number: int) -> None:
    """Let this process be killed at the ``number``-th call of a function of ``os``: after the call, or before it."""
    original, calls = getattr(os, call), [0]

    def function(*args, **kwargs):
        calls[0] += 1
        if calls[0] == number:
            os.kill(os.getpid(), signal.SIGKILL)
        return original(*args, **kwargs)

    setattr(os, call, function)


def start(
    config: Path, work_dir: Path, *options: str, fault: Optional[Tuple[str, int]] = None, processes: int = 1
) -> int:
    """Start tools/train.py in forks, which are one session; returns the first one's process id.

    What they print goes to ``work_dir``.log. A fault is the first one's.
    """
    environment: dict = dict(WORLD_SIZE=processes, MASTER_ADDR='127.0.0.1', MASTER_PORT=free_port())
    launcher = ['--launcher', 'pytorch'] if processes > 1 else []

    def run() -> None:
        rank = following = 0
        while rank < processes - 1 and not (following := os.fork()):
            rank += 1
        environment.update(RANK=rank, LOCAL_RANK=rank)
        os.environ.update({key: str(value) for key, value in environment.items()})
        sys.argv = ['train.py', str(config), '--work-dir', str(work_dir), '--no-pin-memory', *launcher, *options]
        if fault and not rank:
            die_at(*fault)
        train.main()
        if following:  # its failure is this one's, too
            sys.exit(wait(following))

    return fork(run, Path(f'{work_dir}.log'))


def free_port() -> int:
    """A port that nobody uses."""
    with socket.socket() as found:
        found.bind(('127.0.0.1', 0))
        return found.getsockname()[1]


def fork(function: Callable[[], None], log: Path, session: bool = True) -> int:
    """Call a function in a fork, in a session of its own unless said otherwise; returns the process id."""
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        if session:
            os.setsid()
        out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(out, 1)
        os.dup2(out, 2)
        function()
        code = 0
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def wait(pid: int, seconds: Optional[float] = None) -> Optional[int]:
    """Wait for a process, at most so long; returns its exit status (negative: the signal), or None."""
    end = time.monotonic() + seconds if seconds is not None else float('inf')
    while True:
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() >= end:
            return None
        time.sleep(0.002)


def orphans(sessions: list, seconds: float = 15) -> list:
    """Processes of these sessions that are still there after so long. Workers notice in 5 s that their run is dead."""
    end, left = time.monotonic() + seconds, []
    while time.monotonic() < end:
        left = members(sessions)
        if not left:
            break
        time.sleep(0.5)
    return left


def members(sessions: list) -> list:
    """Processes of these sessions."""
    found = []
    for stat in Path('/proc').glob('[0-9]*/stat'):
        try:
            fields = stat.read_text().rpartition(')')[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(fields[3]) in sessions and fields[0] != 'Z':
            found.append(int(stat.parent.name))
    return found
