"""Slurm, with submitit's place taken."""

import os
import signal
import sys
import threading
import time
import types

import pytest

from mmhssakd.experiments.launch import SlurmLauncher, TrialJob
from mmhssakd.experiments.screen import Screen
from mmhssakd.experiments.sweep import make_sweep


class Job:
    """Runs when it is asked for the second time; a job that was taken back runs again."""

    def __init__(self, function):
        self.function, self.asked = function, 0

    def done(self):
        self.asked += 1
        return self.asked > 1

    def exception(self):
        return None

    def result(self):
        return self.function()


@pytest.fixture
def submitit(monkeypatch):
    """The package, without a cluster behind it."""

    class SlurmExecutor:
        parameters = {}
        jobs = []

        def __init__(self, folder, max_num_timeout):
            self.folder, self.max_num_timeout = folder, max_num_timeout

        def update_parameters(self, **parameters):
            self.parameters.update(parameters)

        def submit(self, function):
            self.jobs.append((dict(self.parameters), function))
            return Job(function)

    def delayed(function):
        return types.SimpleNamespace(function=function)

    helpers = types.SimpleNamespace(DelayedSubmission=delayed)
    monkeypatch.setitem(sys.modules, 'submitit', types.SimpleNamespace(SlurmExecutor=SlurmExecutor, helpers=helpers))
    monkeypatch.setitem(sys.modules, 'submitit.helpers', helpers)
    return SlurmExecutor


def test_trials_are_jobs(trainer, submitit, tmp_path, monkeypatch):
    monkeypatch.setattr('time.sleep', lambda seconds: None)
    arms = {'teacher': {'seed': 0}, 'KD': {'needs': {'model.teacher.checkpoint': 'teacher'}}}
    sweep = make_sweep(dict(title='t', config='config.py', options={}, baseline=[], arms=arms), [0, 1], tmp_path / 's')
    with Screen() as screen:
        results = sweep.run(SlurmLauncher(tmp_path / 's/slurm', 'gpu', {'gpus_per_node': 1}), screen)
    assert [(result['name'], result['seed']) for result in results] == [('teacher', 0), ('KD', 0), ('KD', 1)]
    parameters, job = submitit.jobs[-1]
    assert parameters.pop('additional_parameters') == {'requeue': True}
    assert parameters == {'partition': 'gpu', 'time': 1440, 'gpus_per_node': 1, 'job_name': 'seed_1-KD'}
    assert '--resume' in job.command


def test_a_job_that_is_taken_back_saves_and_is_submitted_again(submitit, tmp_path):
    """As submitit does it: the signal interrupts the job, which is waiting for its process."""
    script = "import signal, time; signal.signal(signal.SIGTERM, lambda *_: print('saved', flush=True) or exit(143));"
    job = TrialJob([sys.executable, '-c', script + "print('ready', flush=True); time.sleep(60)"], tmp_path / 'log')
    again = []

    def requeue(*_):
        again.append(job.checkpoint())
        raise SystemExit

    def send_when_ready():
        while 'ready' not in (tmp_path / 'log').read_text():
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGUSR1)

    (tmp_path / 'log').touch()
    before = signal.signal(signal.SIGUSR1, requeue)
    sender = threading.Thread(target=send_when_ready)
    sender.start()
    try:
        with pytest.raises(SystemExit):
            job()
    finally:
        sender.join()
        signal.signal(signal.SIGUSR1, before)
    assert (tmp_path / 'log').read_text() == 'ready\nsaved\n'
    assert vars(again[0].function) == dict(command=job.command, log=job.log, process=None)


def test_submitit_is_missing(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, 'submitit', None)
    with pytest.raises(ModuleNotFoundError, match=r'pip install "mmhssakd\[slurm\]"'):
        SlurmLauncher(tmp_path, 'gpu', {})
