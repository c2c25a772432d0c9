"""Start trials: as processes of this machine, or as jobs of a Slurm cluster."""

import os
import re
import signal
import subprocess
import time
from pathlib import Path
from typing import Any, List, Optional

from mmhssakd.engine.hooks.atomic_checkpoint_hook import INTERRUPTED
from mmhssakd.weights.resume import named_checkpoint
from .trial import Trial


def leave_signals_to_runs() -> None:
    """Ignore SIGUSR1, as torchrun does not, until a run takes it over to save; Slurm sends it to all processes."""
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)


class LocalLauncher:
    """Runs so many trials at a time, each with its part of the cores.

    Args:
        jobs (int): Trials at a time.
    """

    def __init__(self, jobs: int) -> None:
        self.jobs = jobs

    def start(self, trial: Trial) -> 'subprocess.Popen[bytes]':
        """Start a trial's process; ``poll`` gives its exit status, None while it runs."""
        threads = str(max(1, (os.cpu_count() or 1) // self.jobs))
        environment = {'OMP_NUM_THREADS': threads, **os.environ} if self.jobs > 1 else None
        with trial.log.open('ab') as log:
            return subprocess.Popen(trial.command(), stdout=log, stderr=subprocess.STDOUT, env=environment)


class TrialJob:
    """What a Slurm job runs. submitit requeues it when its node is taken back or its time is up; then it resumes."""

    def __init__(self, command: List[str], log: Path) -> None:
        self.command, self.log = command, log
        self.process: Any = None

    def __call__(self) -> int:
        """Train; returns the exit status."""
        with open(self.log, 'ab') as log:
            self.process = subprocess.Popen(
                self.command, stdout=log, stderr=subprocess.STDOUT, preexec_fn=leave_signals_to_runs
            )
            code = self.process.wait()
        saved = named_checkpoint(self.log.parent)
        if code and saved and saved.name == INTERRUPTED:
            time.sleep(120)  # Slurm told all processes to stop, and ends this one, or asks to requeue it, in a moment
        return code

    def checkpoint(self) -> Any:
        """Wait until the run, which had the same signal, has saved; then the job is submitted as it was."""
        from submitit.helpers import DelayedSubmission

        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            if self.process.returncode is None:  # no wait(): this signal interrupted one, which holds its lock
                os.waitid(os.P_PID, self.process.pid, os.WEXITED | os.WNOWAIT)
        return DelayedSubmission(TrialJob(self.command, self.log))


class SlurmHandle:
    """A submitted job, asked like a process."""

    def __init__(self, job: Any) -> None:
        self.job = job

    def poll(self) -> Optional[int]:
        """Exit status of the trial, None while it waits or runs, 1 if the job itself failed."""
        if not self.job.done():
            return None
        return 1 if self.job.exception() is not None else self.job.result()

    def terminate(self) -> None:
        """Cancel the job: the same command submits it again, and two must not work in one folder."""
        self.job.cancel()

    def wait(self) -> None:
        """Slurm sees to the end of the job."""


class SlurmLauncher:
    """Submits every trial that can run.

    Args:
        folder (Path): For submitit's files; all nodes see it.
        partition (str): Where to submit.
        parameters (dict): Others of submitit's ``SlurmExecutor``, such as ``time`` (minutes) or ``gpus_per_node``.

    Raises:
        ModuleNotFoundError: submitit is not installed.
    """

    jobs = 10**6

    def __init__(self, folder: Path, partition: str, parameters: dict) -> None:
        os.environ.setdefault('SUBMITIT_PREEMPT_SIGNAL', 'USR1')  # on which a run saves; submitit reads it at import
        try:
            from submitit import SlurmExecutor
        except ModuleNotFoundError:
            raise ModuleNotFoundError('--slurm-partition needs submitit: pip install "mmhssakd[slurm]".') from None
        self.executor = SlurmExecutor(folder, max_num_timeout=1000)  # a run resumes as often as it must
        defaults = dict(time=24 * 60, additional_parameters=dict(requeue=True))
        self.executor.update_parameters(partition=partition, **{**defaults, **parameters})

    def start(self, trial: Trial) -> SlurmHandle:
        """Submit a trial."""
        self.executor.update_parameters(job_name=re.sub(r'[^\w.-]', '-', trial.folder))
        return SlurmHandle(self.executor.submit(TrialJob(trial.command(), trial.log.resolve())))
