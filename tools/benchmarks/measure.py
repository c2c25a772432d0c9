"""Measure variants: each in a process of its own, their turns interleaved."""
import gc
import multiprocessing
import os
import platform
import resource
import time
from contextlib import contextmanager
from multiprocessing.connection import Connection
from statistics import median, quantiles
from typing import Dict, Iterator, List, Sequence

import torch

from .variants import VARIANTS, Step, make_step, numbers

MIB = 1024**2


def synchronize(device: str) -> None:
    """Wait until the device has done all of its work."""
    if device == 'cuda':
        torch.cuda.synchronize()


def resident() -> Dict[str, float]:
    """Resident memory of this process in MiB: now, and its peak."""
    with open('/proc/self/status') as file:
        fields = dict(line.split(':', 1) for line in file)
    return {name: int(fields[key].split()[0]) / 1024 for name, key in (('now', 'VmRSS'), ('peak', 'VmHWM'))}


def memory(step: Step, device: str, steps: int = 2) -> float:
    """Peak memory of a few steps in MiB: of the whole process on a CPU, of the allocated tensors on a GPU."""
    gc.collect()
    if device == 'cuda':
        torch.cuda.reset_peak_memory_stats()
    else:
        with open('/proc/self/clear_refs', 'w') as file:
            file.write('5')  # the peak counts from here
    for _ in range(steps):
        step()
    synchronize(device)
    return torch.cuda.max_memory_allocated() / MIB if device == 'cuda' else resident()['peak']


def work(connection: Connection, name: str, settings: dict) -> None:
    """A variant's process: build, do a step, then answer requests for times until there are no more."""
    torch.set_num_threads(settings['threads'])
    device = settings['device']
    step = make_step(name, settings['pair'], settings['size'], settings['batch_size'], device, settings['small'])
    gc.collect()
    start = 0.0 if device == 'cuda' else resident()['now']
    first = numbers(step())
    peak = memory(step, device)
    connection.send(dict(first=first, peak_mib=peak, start_mib=start))
    while True:
        steps = connection.recv()
        if not steps:
            return
        times = []
        for _ in range(steps):
            begin = time.perf_counter()
            step()
            synchronize(device)
            times.append(time.perf_counter() - begin)
        connection.send(times)


@contextmanager
def environment(variables: Dict[str, str]) -> Iterator[None]:
    """Set environment variables for the processes started inside the ``with`` block."""
    before = dict(os.environ)
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def summary(rounds: List[List[float]], batch_size: int, first: dict) -> dict:
    """Median and quartiles of a variant's step times, its images a second, its memory and its first losses."""
    times = [value for values in rounds for value in values]
    low, middle, high = quantiles(times, n=4, method='inclusive') if len(times) > 1 else times * 3
    return dict(step_s=middle, quartiles_s=[low, high], images_per_s=batch_size / middle,
                peak_mib=first['peak_mib'], start_mib=first['start_mib'], first_step=first['first'], times_s=rounds)


def compare(names: Sequence[str], settings: dict, rounds: int, steps: int) -> Dict[str, dict]:
    """Measure variants in turn, ``rounds`` times ``steps`` steps each.

    Args:
        names (Sequence[str]): Keys of :data:`VARIANTS`.
        settings (dict): ``pair``, ``size``, ``batch_size``, ``device``, ``threads``, ``small``.
        rounds (int): Turns that each variant has.
        steps (int): Steps in a turn.

    Returns:
        dict: From name to :func:`summary`.
    """
    # a quick try forks, which saves importing torch; a new interpreter is what reads the environment
    context = multiprocessing.get_context('fork' if settings['small'] else 'spawn')
    ends, first, times = {}, {}, {name: [] for name in names}
    for name in names:
        ends[name], other = context.Pipe()
        with environment(VARIANTS[name].env):
            context.Process(target=work, args=(other, name, settings), daemon=True).start()
        other.close()
        first[name] = ends[name].recv()
    for _ in range(rounds):
        for name in names:
            ends[name].send(steps)
            times[name].append(ends[name].recv())
    for name in names:
        ends[name].send(0)
    return {name: summary(times[name], settings['batch_size'], first[name]) for name in names}


def ratios(results: Dict[str, dict], base: str = 'reference') -> Dict[str, dict]:
    """Each variant's speed and peak memory against ``base``'s; ``spread`` is over the rounds."""
    found = {}
    for name, result in results.items():
        each = [median(theirs) / median(ours) for ours, theirs in zip(result['times_s'], results[base]['times_s'])]
        found[name] = dict(speed=results[base]['step_s'] / result['step_s'], spread=[min(each), max(each)],
                           memory=result['peak_mib'] / results[base]['peak_mib'])
    return found


def machine(device: str) -> dict:
    """What the figures were measured on."""
    with open('/proc/cpuinfo') as file:
        model = next((line.split(':', 1)[1].strip() for line in file if line.startswith('model name')), '')
    gpu = torch.cuda.get_device_name() if device == 'cuda' else None
    return dict(cpu=model, cores=os.cpu_count(), gpu=gpu, torch=torch.__version__, system=platform.platform(),
                bf16_instructions=torch.ops.mkldnn._is_mkldnn_bf16_supported(),
                memory_limit_mib=resource.getpagesize() * os.sysconf('SC_PHYS_PAGES') / MIB)
