"""Train on two machines by the commands of docs/multi_gpu.md, lose one and bring it back, and compare the weights.

    python tests/slow/machines.py

The machines are network namespaces that a cable (veth) joins, which needs root and iproute2; without those, two
addresses of this machine, which is said. Each has one process, and the weights must be those of one machine with two.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Dict, Iterator, List

from kills import same
from torch.distributed.elastic.utils.distributed import get_free_port

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / 'tests/helpers'))
EPOCHS = 8
LAST = f'epoch_{EPOCHS}.pth'
MIDDLE = 'Epoch(train) [3][ 4/'  # of 15
OPTIONS = {
    'train_cfg.max_epochs': EPOCHS,
    'param_scheduler.total_steps': EPOCHS,
    'param_scheduler.end': EPOCHS,
    'train_dataloader.batch_size': 2,
    'train_dataloader.dataset.num_images': 60,
}
STARTED: list = []


class Machine:
    """One of the two.

    Args:
        address (str): Of it, in the network that joins them.
        prefix (list[str]): What runs a command on it.
        cable (str): Name of its end of the network; empty on this machine.
    """

    def __init__(self, address: str, prefix: List[str], cable: str) -> None:
        self.address, self.prefix, self.cable = address, prefix, cable

    def start(
        self, folder: Path, name: str, log: Path, *options: str, processes: int = 1, **variables: object
    ) -> 'subprocess.Popen[bytes]':
        """Call tools/dist_train.sh; what it prints is added to a file."""
        environment = {**launch_environment(), **{key: str(value) for key, value in variables.items()}}
        if self.cable:
            environment['GLOO_SOCKET_IFNAME'] = self.cable
        words = [*self.prefix, *command(folder, name, processes, *options)]
        with log.open('ab') as file:
            process = subprocess.Popen(words, env=environment, cwd=ROOT, stdout=file, stderr=subprocess.STDOUT)
        STARTED.append(process)
        return process


def launch_environment() -> Dict[str, str]:
    python_path = f'{ROOT}:{os.environ.get("PYTHONPATH", "")}'
    return dict(os.environ, OMP_NUM_THREADS='1', MMHSSAKD_PYTHON=sys.executable, PYTHONPATH=python_path)


def command(folder: Path, name: str, processes: int, *options: str) -> List[str]:
    """The call of tools/dist_train.sh."""
    call = ['bash', f'{ROOT}/tools/dist_train.sh', f'{folder}/epochs.py', str(processes), '--auto-scale-lr']
    call += ['--work-dir', f'{folder}/{name}', *options, '--cfg-options']
    return [*call, *(f'{key}={value}' for key, value in OPTIONS.items())]


@contextlib.contextmanager
def network() -> Iterator[List[Machine]]:
    """Two machines. The first one's address comes last in the order of addresses, by which torch numbers processes."""
    names = [f'mmhssakd{os.getpid()}{end}' for end in 'ab']
    addresses = ['10.231.77.2', '10.231.77.1']
    try:
        subprocess.run(['ip', 'netns', 'add', names[0]], check=True, capture_output=True)
    except (FileNotFoundError, subprocess.CalledProcessError) as error:
        print(json.dumps(dict(network=f'loopback alone, no namespace: {error}')), flush=True)
        yield [Machine('127.0.0.1', [], ''), Machine('127.0.0.1', [], '')]
        return
    try:
        ip('netns', 'add', names[1])
        ip('link', 'add', 'end0', 'netns', names[0], 'type', 'veth', 'peer', 'name', 'end1', 'netns', names[1])
        for i, (name, address) in enumerate(zip(names, addresses)):
            ip('-n', name, 'address', 'add', f'{address}/24', 'dev', f'end{i}')
            for device in ('lo', f'end{i}'):
                ip('-n', name, 'link', 'set', device, 'up')
        print(json.dumps(dict(network='two namespaces')), flush=True)
        yield [Machine(addresses[i], ['ip', 'netns', 'exec', names[i]], f'end{i}') for i in (0, 1)]
    finally:
        for name in names:
            subprocess.run(['ip', 'netns', 'delete', name], stderr=subprocess.DEVNULL)


def ip(*arguments: str) -> None:
    subprocess.run(['ip', *arguments], check=True)


def wait_until(logs: List[Path], text: str, processes: list, seconds: float = 900) -> None:
    """Wait until one of the logs holds something; process 0, which writes the log, may be on either machine.

    Raises:
        SystemExit: A process ended first, or it takes too long.
    """
    end = time.monotonic() + seconds
    while not any(text in log.read_text(errors='replace') for log in logs):
        if time.monotonic() > end or any(process.poll() is not None for process in processes):
            ends = '\n'.join(log.read_text(errors='replace')[-5000:] for log in logs)
            raise SystemExit(f'no {text!r} in:\n{ends}')
        time.sleep(0.1)


def descendants(pid: int) -> List[int]:
    """A process and all that it started, directly or not."""
    children = Path(f'/proc/{pid}/task/{pid}/children').read_text().split()
    return [pid, *(found for child in children for found in descendants(int(child)))]


def kill(process: 'subprocess.Popen[bytes]') -> None:
    """Kill a launcher and what it started."""
    for pid in descendants(process.pid):
        os.kill(pid, signal.SIGKILL)
    process.wait()


def finish(processes: list, logs: List[Path]) -> None:
    """Wait for the end of all.

    Raises:
        SystemExit: One failed.
    """
    for process, log in zip(processes, logs):
        if process.wait(1800):
            raise SystemExit(f'exit status {process.returncode}:\n{log.read_text()[-5000:]}')


def went_on(logs: List[Path]) -> None:
    """Check that a run did not start from the beginning.

    Raises:
        SystemExit: It did.
    """
    if not any('resumed epoch: ' in log.read_text() for log in logs):
        raise SystemExit(f'nothing was resumed:\n{logs[0].read_text()[-5000:]}')


def together(folder: Path, name: str, machines: List[Machine], *options: str, **variables: object) -> tuple:
    """Start the printed command on each machine; returns the variables of each, the processes and the logs."""
    port = get_free_port()
    common = dict(NNODES=2, MASTER_ADDR=machines[0].address, PORT=port, **variables)
    each = [dict(common, NODE_RANK=rank) for rank in (0, 1)]
    logs = [folder / f'{name}_{rank}.log' for rank in (0, 1)]
    processes = [m.start(folder, name, log, *options, **own) for m, log, own in zip(machines, logs, each)]
    return each, processes, logs


def machine_lost(folder: Path, machines: List[Machine]) -> None:
    """Kill all that runs on the second machine, in the middle, and start it again there."""
    name = 'machine_lost'
    each, processes, logs = together(folder, name, machines, '--resume', MAX_RESTARTS=3)
    wait_until(logs, MIDDLE, processes)
    kill(processes[1])
    print(json.dumps(dict(killed=name)), flush=True)
    processes[1] = machines[1].start(folder, name, logs[1], '--resume', **each[1])
    finish(processes, logs)
    went_on(logs)
    same(folder / name, folder / 'one_machine', LAST)


def process_lost(folder: Path, machines: List[Machine]) -> None:
    """Kill the process that trains on the second machine; the launchers start it, and the other one, again."""
    name = 'process_lost'
    _, processes, logs = together(folder, name, machines, '--resume', MAX_RESTARTS=3)
    wait_until(logs, MIDDLE, processes)
    os.kill(descendants(processes[1].pid)[1], signal.SIGKILL)
    print(json.dumps(dict(killed=name)), flush=True)
    finish(processes, logs)
    went_on(logs)
    same(folder / name, folder / 'one_machine', LAST)


def main() -> None:
    import tiny_job

    begin = time.monotonic()
    with tempfile.TemporaryDirectory() as place, network() as machines:
        folder = Path(place)
        tiny_job.prepare(folder, workers=1, seed=0)
        log = folder / 'one_machine.log'
        try:
            one = machines[0].start(folder, 'one_machine', log, processes=2)
            _, processes, logs = together(folder, 'two_machines', machines)
            finish([one, *processes], [log, *logs])
            same(folder / 'two_machines', folder / 'one_machine', LAST)
            machine_lost(folder, machines)
            process_lost(folder, machines)
        finally:
            for process in STARTED:
                if process.poll() is None:  # after a failure
                    kill(process)
    print(json.dumps(dict(seconds=round(time.monotonic() - begin))))


if __name__ == '__main__':
    main()
