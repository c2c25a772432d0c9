"""Of several runs in one work dir, one works."""

import json
import multiprocessing
import os
import socket
import subprocess
import sys
import time

import pytest

from mmhssakd.weights import lock
from mmhssakd.weights.lock import WorkDirLock


@pytest.fixture(autouse=True)
def fast(monkeypatch):
    monkeypatch.setattr(lock, 'BEAT', 0.05)
    monkeypatch.setattr(lock, 'PATIENCE', 2.0)


def owned_by(folder, host: str, process: int) -> None:
    (folder / 'run.lock').write_text(json.dumps(dict(host=host, process=process, id='')))


def test_second_run_is_refused(tmp_path):
    first = WorkDirLock(tmp_path)
    first.take()
    with pytest.raises(RuntimeError, match=f'in use by process {os.getpid()} on {socket.gethostname()}'):
        WorkDirLock(tmp_path).take()
    first.release()
    assert not list(tmp_path.iterdir())
    second = WorkDirLock(tmp_path)
    second.take()
    first.release()  # is not the second one's
    assert [file.name for file in tmp_path.iterdir()] == ['run.lock']
    second.release()


def test_killed_run_is_followed_at_once(tmp_path, monkeypatch):
    monkeypatch.setattr(lock, 'PATIENCE', 1000)
    ended = subprocess.Popen([sys.executable, '-c', ''])
    ended.wait()
    owned_by(tmp_path, socket.gethostname(), ended.pid)
    own = WorkDirLock(tmp_path)
    own.take()
    assert json.loads((tmp_path / 'run.lock').read_text())['process'] == os.getpid()
    own.release()


def test_run_on_another_machine_is_given_time_for_a_sign_of_life(tmp_path):
    owned_by(tmp_path, 'another', 1)
    own = WorkDirLock(tmp_path)
    begin = time.monotonic()
    own.take()
    assert 2 <= time.monotonic() - begin < 10
    own.release()


def follow(folder, results, done) -> None:
    own = WorkDirLock(folder)
    try:
        own.take()
        results.put('taken')
        done.wait()
    except RuntimeError:
        results.put('refused')


def test_one_of_many_follows_a_dead_run(tmp_path):
    owned_by(tmp_path, 'another', 1)
    context = multiprocessing.get_context('fork')
    results, done = context.Queue(), context.Event()
    runs = [context.Process(target=follow, args=(tmp_path, results, done)) for _ in range(6)]
    for run in runs:
        run.start()
    assert sorted(results.get() for _ in runs) == ['refused'] * 5 + ['taken']
    done.set()
    for run in runs:
        run.join()
