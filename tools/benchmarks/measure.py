"""Measure variants: each in a process of its own, their turns interleaved."""

import gc
import multiprocessing
import os
import platform
import time
from multiprocessing.connection import Connection
from statistics import median, quantiles
from typing import Dict, List, Sequence, Tuple

import torch

from mmhssakd.engine.optimizers.bf16_optim_wrapper import has_bfloat16
from .variants import make_step, numbers

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


def reset_peak(device: str) -> None:
    """Let the peak of :func:`peak` count from here."""
    gc.collect()
    if device == 'cuda':
        torch.cuda.reset_peak_memory_stats()
    else:
        with open('/proc/self/clear_refs', 'w') as file:
            file.write('5')


def peak(device: str) -> float:
    """Peak memory in MiB: of the whole process on a CPU, of the allocated tensors on a GPU."""
    return torch.cuda.max_memory_allocated() / MIB if device == 'cuda' else resident()['peak']


def work(connection: Connection, name: str, settings: dict) -> None:
    """A variant's process: build, do a first step, then steps as often as asked; at the end, say the peak memory."""
    torch.set_num_threads(settings['threads'])
    device = settings['device']
    step = make_step(name, settings['pair'], settings['size'], settings['batch_size'], device, settings['small'])
    reset_peak(device)
    start = torch.cuda.memory_allocated() / MIB if device == 'cuda' else resident()['now']
    connection.send(dict(start_mib=start, first_step=numbers(step())))
    while True:
        steps = connection.recv()
        if not steps:
            connection.send(peak(device))
            return
        times = []
        for _ in range(steps):
            begin, begin_cpu = time.perf_counter(), time.process_time()
            step()
            synchronize(device)
            times.append((time.perf_counter() - begin, time.process_time() - begin_cpu))
        connection.send(times)


def summary(rounds: List[List[Tuple[float, float]]], batch_size: int, other: dict) -> dict:
    """Median and quartiles of a variant's step times, its images a second, and what else it said."""
    times = [wall for values in rounds for wall, _ in values]
    low, middle, high = quantiles(times, n=4, method='inclusive') if len(times) > 1 else times * 3
    cpu = median(seconds for values in rounds for _, seconds in values)
    return dict(
        step_s=middle, quartiles_s=[low, high], cpu_s=cpu, images_per_s=batch_size / middle, times_s=rounds, **other
    )


def compare(names: Sequence[str], settings: dict, rounds: int, steps: int) -> Dict[str, dict]:
    """Measure variants in turn, ``rounds`` times ``steps`` steps each.

    Args:
        names (Sequence[str]): Keys of :data:`.variants.VARIANTS`.
        settings (dict): ``pair``, ``size``, ``batch_size``, ``device``, ``threads``, ``small``.
        rounds (int): Turns that each variant has.
        steps (int): Steps in a turn.

    Returns:
        dict: From name to :func:`summary`.
    """
    ends, times = {}, {name: [] for name in names}
    context = multiprocessing.get_context('spawn' if settings['device'] == 'cuda' else 'fork')  # CUDA survives no fork
    for name in names:
        ends[name], other = context.Pipe()
        context.Process(target=work, args=(other, name, settings), daemon=True).start()
        other.close()
    said = {name: ends[name].recv() for name in names}
    for _ in range(rounds):
        for name in names:
            ends[name].send(steps)
            times[name].append(ends[name].recv())
    for name in names:
        ends[name].send(0)
        said[name]['peak_mib'] = ends[name].recv()
    return {name: summary(times[name], settings['batch_size'], said[name]) for name in names}


def ratios(results: Dict[str, dict], base: str = 'reference') -> Dict[str, dict]:
    """Each variant against ``base``: speed (``spread`` over the rounds), speed by processor time, peak memory.

    Processor time is what to look at on a machine that others use too; with one thread it is free of waiting.
    ``memory_above_start`` leaves out what the process held before its first step: Python, weights.
    """
    found, slow = {}, results[base]
    for name, result in results.items():
        each = [
            median(wall for wall, _ in theirs) / median(wall for wall, _ in ours)
            for ours, theirs in zip(result['times_s'], slow['times_s'])
        ]
        found[name] = dict(
            speed=slow['step_s'] / result['step_s'],
            spread=[min(each), max(each)],
            cpu_speed=slow['cpu_s'] / result['cpu_s'],
            memory=result['peak_mib'] / slow['peak_mib'],
            memory_above_start=(result['peak_mib'] - result['start_mib']) / (slow['peak_mib'] - slow['start_mib']),
        )
    return found


def machine(device: str) -> dict:
    """What the figures were measured on."""
    with open('/proc/cpuinfo') as file:
        model = next((line.split(':', 1)[1].strip() for line in file if line.startswith('model name')), '')
    return dict(
        cpu=model,
        cores=os.cpu_count(),
        gpu=torch.cuda.get_device_name() if device == 'cuda' else None,
        torch=torch.__version__,
        system=platform.platform(),
        bf16_instructions=has_bfloat16(),
    )
