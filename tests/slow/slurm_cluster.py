"""A Slurm cluster of one node, this machine, for as long as a ``with`` block: Slurm's own daemons in a folder."""

import contextlib
import getpass
import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Iterator

from torch.distributed.elastic.utils.distributed import get_free_port

PROGRAMS = ('slurmctld', 'slurmd', 'munged', 'mungekey', 'srun', 'sbatch')
PACKAGES = 'slurmctld slurmd slurm-client munge'
# cred_expire is also how long a job waits that was put back into the queue: two minutes by default
CONFIG = """
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
SlurmUser={user}
SlurmdUser={user}
AuthInfo=socket={folder}/munge.socket,cred_expire=5
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
SlurmdParameters=config_overrides
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=1,bf_interval=1
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
MpiDefault=none
KillWait=30
ReturnToService=2
GresTypes=gpu
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} Gres=gpu:2 State=UNKNOWN
PartitionName=test Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""


def missing() -> list:
    """What a cluster needs and this machine lacks, in words."""
    lacking = [name for name in PROGRAMS if shutil.which(name, path=search_path()) is None]
    return [f'{", ".join(lacking)} (Debian: apt-get install {PACKAGES})'] if lacking else []


def search_path() -> str:
    """Daemons are in folders that only root searches."""
    return f'{os.environ["PATH"]}:/usr/sbin:/sbin'


def start_daemons(folder: Path, environment: dict) -> list:
    """Start Slurm's three daemons in the foreground of processes of their own."""
    munge = ['--foreground', '--force', f'--key-file={folder}/munge.key', f'--socket={folder}/munge.socket']
    munge += [f'--{kind}-file={folder}/munge.{kind}' for kind in ('pid', 'log', 'seed')]
    subprocess.run(['mungekey', '--create', f'--keyfile={folder}/munge.key'], check=True, env=environment)
    processes = []
    for command in (['munged', *munge], ['slurmctld', '-D'], ['slurmd', '-D']):
        with (folder / f'{command[0]}.out').open('w') as log:
            process = subprocess.Popen(
                command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=environment, start_new_session=True
            )
        processes.append(process)
        while command[0] == 'munged' and not (folder / 'munge.socket').exists() and process.poll() is None:
            time.sleep(0.05)
    return processes


def logs(folder: Path) -> str:
    """The end of what the daemons wrote."""
    files = [*folder.glob('*.out'), *folder.glob('*.log')]
    return '\n'.join(f'--- {file.name}\n{file.read_text(errors="replace")[-1500:]}' for file in files)


@contextlib.contextmanager
def cluster(folder: Path, cpus: int) -> Iterator[dict]:
    """Run a cluster; gives the environment for Slurm's commands. Its one partition is called ``test``.

    Args:
        folder (Path): For everything that the daemons write; a short path, since it holds a socket.
        cpus (int): How many processors the node is said to have; the machine may have fewer.

    Raises:
        RuntimeError: The node was not ready within a minute.
    """
    for name in ('state', 'spool'):
        (folder / name).mkdir()
    for name in ('gpu0', 'gpu1'):  # in place of devices
        (folder / name).touch()
    host = socket.gethostname().partition('.')[0]
    values = dict(folder=folder, host=host, user=getpass.getuser(), cpus=cpus, ports=[get_free_port(), get_free_port()])
    (folder / 'slurm.conf').write_text(CONFIG.format(**values))
    (folder / 'gres.conf').write_text(f'NodeName={host} Name=gpu File={folder}/gpu[0-1]\n')
    environment = dict(os.environ, SLURM_CONF=f'{folder}/slurm.conf', PATH=search_path())
    processes = start_daemons(folder, environment)
    try:
        end = time.monotonic() + 60
        while 'idle' not in ask('sinfo -h -o %T', environment):
            if time.monotonic() > end or any(process.poll() is not None for process in processes):
                raise RuntimeError(f'the cluster did not start:\n{logs(folder)}')
            time.sleep(0.5)
        yield environment
    finally:
        ask('scancel --full --signal=KILL --me', environment)
        ask('scancel --me', environment)
        end = time.monotonic() + 30
        while ask('squeue -h', environment) and time.monotonic() < end:
            time.sleep(0.5)
        for process in reversed(processes):
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:  # a job does not end
                process.kill()
                process.wait()


def ask(command: str, environment: dict) -> str:
    """What a command prints; nothing if it fails."""
    done = subprocess.run(command.split(), env=environment, text=True, capture_output=True, timeout=60)
    return done.stdout.strip() if done.returncode == 0 else ''
