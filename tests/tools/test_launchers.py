"""What the launch scripts ask of torchrun and srun; tests/slow/machines.py and slurm.py run them for real."""

import os
import subprocess
from pathlib import Path

import pytest

TOOLS = Path(__file__).parents[2] / 'tools'
PRINT = '#!/bin/sh\necho "port $MASTER_PORT" "$@"\n'


@pytest.fixture
def words(tmp_path):
    """Call a script with programs that print their arguments in place of srun and Python."""
    for name in ('srun', 'python'):
        (tmp_path / name).write_text(PRINT)
        (tmp_path / name).chmod(0o755)

    def call(script: str, *arguments: str, **variables: str) -> list:
        environment = {'PATH': f'{tmp_path}:{os.environ["PATH"]}', 'MMHSSAKD_PYTHON': f'{tmp_path}/python', **variables}
        done = subprocess.run(
            ['bash', str(TOOLS / script), *arguments], env=environment, text=True, capture_output=True
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.split()

    return call


def slurm(words, **variables) -> list:
    return words('slurm_train.sh', 'part', 'job', 'c.py', 'dir', '--resume', **variables)


def test_slurm_asks_for_gpus_where_they_are_wanted(words):
    assert {'--gres=gpu:8', '--ntasks=8', '--ntasks-per-node=8', '--cpus-per-task=5'} <= set(slurm(words))
    found = slurm(words, GPUS='16', GPUS_PER_NODE='4')
    assert {'--gres=gpu:4', '--ntasks=16', '--ntasks-per-node=4'} <= set(found)
    assert found[-5:] == ['--work-dir', 'dir', '--launcher', 'slurm', '--resume']


def test_slurm_asks_for_no_gpu_where_none_is_wanted(words):
    found = slurm(words, GPUS='4', GPUS_PER_NODE='0', SRUN_ARGS='--ntasks-per-node=2')
    assert [word for word in found if 'task' in word] == ['--ntasks=4', '--cpus-per-task=5', '--ntasks-per-node=2']
    assert not any('gres' in word for word in found)


def test_slurm_jobs_do_not_meet(words):
    ports = {slurm(words)[1] for _ in range(3)}
    assert len(ports) > 1 and all(10000 <= int(port) < 30000 for port in ports)
    assert slurm(words, PORT='1234')[1] == '1234'


def test_one_machine_finds_a_free_port(words):
    found = words('dist_train.sh', 'c.py', '2', '--amp')
    assert '--standalone' in found and found[-4:] == ['c.py', '--amp', '--launcher', 'pytorch']
    assert found[found.index('--max-restarts') + 1] == '0'


def test_machines_meet_at_the_first(words):
    found = words('dist_train.sh', 'c.py', '2', NNODES='3', NODE_RANK='1', MASTER_ADDR='10.0.0.1', PORT='1234')
    expected = '--node-rank 1 --master-addr 10.0.0.1 --master-port 1234 --nnodes 3 --nproc-per-node 2'
    assert expected in ' '.join(found)


@pytest.mark.parametrize('rank', ['0', '1'])
def test_machines_may_leave_and_come_back(words, rank):
    found = ' '.join(words('dist_train.sh', 'c.py', '2', NNODES='2', NODE_RANK=rank, MAX_RESTARTS='3', PORT='1234'))
    assert (
        f'--rdzv-backend c10d --rdzv-endpoint 127.0.0.1:1234 --rdzv-conf is_host={1 - int(rank)} --local-addr ' in found
    )
    assert '--max-restarts 3' in found and '--master' not in found
