"""Train under a real Slurm, interrupt the jobs, and compare their weights with those of undisturbed runs.

    python tests/slow/slurm.py

Starts Slurm's daemons as one node in a temporary folder, and ends them. ``tools/slurm_train.sh`` trains with two
processes on gloo, and ``tools/sweep.py`` four trials through submitit. In the middle of both, a job is put back into
the queue (``scontrol requeue``), and one is told to save (``scancel --signal=USR1``).
"""

import importlib.util
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Callable

import slurm_cluster
from kills import same

ROOT = Path(__file__).parents[2]
EPOCHS = 6
LAST = f'epoch_{EPOCHS}.pth'
CONFIG = """
_base_ = '{root}/configs/fashion_mnist/{name}.py'
train_dataloader = dict(batch_size=4, dataset=dict(num_images=360, dataset=dict(data_root='{data}')))
val_dataloader = dict(batch_size=10, dataset=dict(data_root='{data}'))
test_dataloader = val_dataloader
train_cfg = dict(max_epochs={epochs}, val_interval=2)
param_scheduler = dict(total_steps={epochs}, end={epochs})
default_hooks = dict(logger=dict(interval=1), checkpoint=dict(interval=1, max_keep_ckpts=2))
randomness = dict(seed=0)
"""
STEP = 'Epoch(train) [2][ 5/'  # of 45 with two processes, of 90 with one


def write_job(folder: Path) -> None:
    """Write images, the configs, and a sweep of a teacher and three students."""
    from fashion_data import make_fashion

    make_fashion(folder / 'data', train=360, test=20)
    for name in ('teacher_r8', 'ce_r8', 'kd_r8', 'hssakd_r8'):
        text = CONFIG.format(root=ROOT, name=name, data=folder / 'data', epochs=EPOCHS)
        (folder / f'{name}.py').write_text(text)
    arms = {name: dict(config=str(folder / f'{name}.py')) for name in ('teacher_r8', 'ce_r8', 'kd_r8', 'hssakd_r8')}
    for name in ('kd_r8', 'hssakd_r8'):
        arms[name]['needs'] = {'model.teacher.checkpoint': 'teacher_r8'}
    (folder / 'sweep.json').write_text(json.dumps(dict(config=arms['ce_r8']['config'], arms=arms)))


def wait_until(condition: Callable[[], object], what: str, seconds: float = 1800) -> None:
    """Wait for something.

    Raises:
        SystemExit: It did not happen.
    """
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise SystemExit(f'not within {seconds} s: {what}')
        time.sleep(0.1)


def text(file: Path) -> str:
    return file.read_text(errors='replace') if file.exists() else ''


def went_on(log: Path, name: str) -> None:
    """Check that a signal interrupted a run, and that it went on right there.

    Raises:
        SystemExit: It did not.
    """
    found = re.search(rf'Stopped by {name} after iteration (\d+)(.*)', text(log), re.S)
    if not found or not re.search(rf'resumed epoch: \d+, iter: {found[1]}\n', found[2]):
        raise SystemExit(f'{log}: no {name}, or the run did not go on where it was:\n{text(log)[-9000:]}')


class Cluster:
    """Commands on the cluster.

    Args:
        folder (Path): Of the job.
        environment (dict): For Slurm's commands.
    """

    def __init__(self, folder: Path, environment: dict) -> None:
        self.folder, self.processes = folder, []
        python_path = f'{ROOT}:{os.environ.get("PYTHONPATH", "")}'
        job = dict(OMP_NUM_THREADS='1', MMHSSAKD_PYTHON=sys.executable, PYTHONPATH=python_path, CPUS_PER_TASK='1')
        self.environment = dict(environment, **job)

    def start(self, *command: object, log: Path, **variables: str) -> 'subprocess.Popen[bytes]':
        """Start a command; what it prints is added to a file."""
        words, environment = list(map(str, command)), dict(self.environment, **variables)
        with log.open('ab') as file:
            process = subprocess.Popen(words, cwd=ROOT, env=environment, stdout=file, stderr=subprocess.STDOUT)
        self.processes.append(process)
        return process

    def stop(self) -> None:
        """End what a failure left running."""
        for process in self.processes:
            process.terminate()
            process.wait()

    def call(self, *command: str) -> str:
        """Run one of Slurm's commands; returns what it prints."""
        return subprocess.run(command, env=self.environment, check=True, text=True, stdout=subprocess.PIPE).stdout

    def job(self, name: str) -> str:
        """Number of the job of this name; empty if there is none."""
        return self.call('squeue', '-h', '-n', name, '-o', '%i').strip()

    def train(self, name: str, *options: str) -> list:
        """The call of tools/slurm_train.sh."""
        more = ['--cfg-options', f'model.teacher.checkpoint={self.folder}/local/seed_0/teacher_r8/epoch_{EPOCHS}.pth']
        script, config = ROOT / 'tools/slurm_train.sh', self.folder / 'hssakd_r8.py'
        return ['bash', script, 'test', name, config, self.folder / name, *options, *more]


def check_gpus_are_asked_for(cluster: Cluster) -> None:
    """A GPU is asked for where there are some to be had, and none where none is wanted.

    Raises:
        SystemExit: It is not so.
    """
    show = cluster.folder / 'show.sh'
    show.write_text('#!/bin/sh\necho "rank $SLURM_PROCID of $SLURM_NTASKS, GPUs ${SLURM_GPUS_ON_NODE:-none}"\n')
    show.chmod(0o755)
    for per_node, gpus in (('2', '2'), ('0', 'none')):
        log = cluster.folder / f'show_{per_node}.log'
        variables = dict(GPUS='2', GPUS_PER_NODE=per_node, MMHSSAKD_PYTHON=str(show))
        code = cluster.start(*cluster.train('show'), log=log, **variables).wait()
        if code or sorted(text(log).split('\n')) != ['', *(f'rank {rank} of 2, GPUs {gpus}' for rank in (0, 1))]:
            raise SystemExit(f'GPUS_PER_NODE={per_node}: {text(log)}')
    print(json.dumps(dict(gpus='asked for with GPUS_PER_NODE=2, not with 0')), flush=True)


def two_processes(cluster: Cluster) -> None:
    """Train with two processes: undisturbed, and as a batch job that is requeued and later told to save.

    Raises:
        SystemExit: A run failed, or was not interrupted, or reached other weights.
    """
    variables = dict(GPUS='2', GPUS_PER_NODE='0')
    calm = cluster.start(*cluster.train('calm'), log=cluster.folder / 'calm.log', **variables)
    log = cluster.folder / 'disturbed.log'
    command = ' '.join(map(str, cluster.train('disturbed', '--resume')))
    batch = ['sbatch', '--parsable', '--requeue', '--open-mode=append', f'--output={log}', '--ntasks=2']
    cluster.environment.update(variables)
    cluster.call(*batch, '--job-name=disturbed', f'--wrap={command}')

    wait_until(lambda: STEP in text(log), f'{log} trains')
    cluster.call('scontrol', 'requeue', cluster.job('disturbed'))
    wait_until(lambda: STEP.replace('[2]', '[4]') in text(log), f'{log} goes on')
    cluster.call('scancel', '--signal=USR1', cluster.job('disturbed'))
    wait_until(lambda: not cluster.job('disturbed'), f'{log} ends')
    code = cluster.start(*cluster.train('disturbed', '--resume'), log=log).wait()
    if code or calm.wait():
        raise SystemExit(f'a run failed: {text(cluster.folder / "calm.log")[-3000:]}\n{text(log)[-3000:]}')
    for name in ('SIGTERM', 'SIGUSR1'):
        went_on(log, name)
    same(cluster.folder / 'disturbed', cluster.folder / 'calm', LAST)


def local_sweep(cluster: Cluster) -> None:
    """Run four trials as processes of this machine.

    Raises:
        SystemExit: A trial failed.
    """
    log = cluster.folder / 'local.log'
    if cluster.start(*sweep_command(cluster.folder, 'local', '--jobs', '2'), log=log).wait():
        raise SystemExit(f'the sweep on this machine failed: {text(log)[-3000:]}')


def slurm_sweep(cluster: Cluster) -> None:
    """Run four trials as jobs; one is told to save, one is requeued.

    Raises:
        SystemExit: A trial failed, or was not interrupted, or reached other weights.
    """
    folder = cluster.folder / 'slurm'
    call = sweep_command(cluster.folder, 'slurm', '--slurm-partition', 'test', '--slurm', 'cpus_per_task=1')
    process = cluster.start(*call, log=cluster.folder / 'sweep.log')
    for name, command in (('ce_r8', ['scancel', '--signal=USR1']), ('hssakd_r8', ['scontrol', 'requeue'])):
        log = folder / f'seed_0/{name}/trial.log'
        wait_until(lambda log=log: STEP in text(log) or process.poll(), f'{log} trains')
        cluster.call(*command, cluster.job(f'seed_0-{name}'))
    if process.wait():
        raise SystemExit(f'the sweep failed: {text(cluster.folder / "sweep.log")[-3000:]}')
    for name, number in (('ce_r8', 'SIGUSR1'), ('hssakd_r8', 'SIGTERM')):
        went_on(folder / f'seed_0/{name}/trial.log', number)
    for name in ('teacher_r8', 'ce_r8', 'kd_r8', 'hssakd_r8'):
        same(folder / f'seed_0/{name}', cluster.folder / f'local/seed_0/{name}', LAST)


def sweep_command(folder: Path, name: str, *options: str) -> list:
    return [
        sys.executable,
        ROOT / 'tools/sweep.py',
        folder / 'sweep.json',
        '--seeds',
        0,
        '--work-dir',
        folder / name,
        *options,
    ]


def main() -> None:
    missing = slurm_cluster.missing()
    if importlib.util.find_spec('submitit') is None:
        missing.append('submitit (pip install "mmhssakd[slurm]")')
    if missing:
        sys.exit(f'Nothing was tried. This machine lacks {"; ".join(missing)}.')
    sys.path.insert(0, str(ROOT / 'tests/helpers'))
    begin = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        write_job(folder)
        (folder / 'cluster').mkdir()
        with slurm_cluster.cluster(folder / 'cluster', cpus=4) as environment:
            cluster = Cluster(folder, environment)
            try:
                check_gpus_are_asked_for(cluster)
                local_sweep(cluster)
                two_processes(cluster)
                slurm_sweep(cluster)
            finally:
                cluster.stop()
    print(json.dumps(dict(seconds=round(time.monotonic() - begin))))


if __name__ == '__main__':
    main()
