"""What many steps hold and how long they take, and what many models leave that are built and deleted.

    python tests/slow/long_run.py --steps 2000 --cycles 200

The last tenth of the steps takes turns, in 20 blocks, with the first steps of a fresh run: the interval of the ratio of
their CPU times says whether it is slower.
"""

import argparse
import gc
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Optional, Tuple

import short_run
import torch
import torch.nn as nn
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.registry import HOOKS

from mmhssakd.registry import MODELS

PARTS = dict(quarter=0.25, half=0.5, end=1)


def resident() -> float:
    """Memory of this process in MiB."""
    pages = int(Path('/proc/self/statm').read_text().split()[1])
    return pages * 4096 / 2**20


def size(files) -> float:
    """MiB of files."""
    return round(sum(file.stat().st_size for file in files if file.is_file()) / 2**20, 2)


@HOOKS.register_module()
class Watch(Hook):
    """Note twenty times what a run holds; time blocks of steps, which take turns with another run's."""

    priority = 'LOWEST'
    seen = {}
    pipes: Optional[Tuple[int, int]] = None  # from the other run, and to it
    first, block = 0, 100  # step from which turns are taken, steps of one
    times = {}  # of the steps of each block

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        number, at = divmod(runner.iter - self.first, self.block)
        if self.pipes and number >= 0 and at == 0:
            self.hand_over(runner.iter > 0)
        self.begin = time.process_time()

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        number = (runner.iter - self.first) // self.block
        if number >= 0:
            self.times.setdefault(number, []).append(time.process_time() - self.begin)
        if self.every_n_train_iters(runner, max(runner.max_iters // 20, 1)):
            gc.collect()
            work = list(Path(runner.work_dir).rglob('*'))
            checkpoints = [file for file in work if file.suffix == '.pth']
            self.seen[runner.iter + 1] = dict(
                mib=round(resident(), 1),
                files=len(os.listdir('/proc/self/fd')),
                threads=len(os.listdir('/proc/self/task')),
                checkpoint_mib=size(checkpoints[:1]),
                logs_mib=size(set(work) - set(checkpoints)),
            )

    def hand_over(self, give: bool) -> None:
        """Let the other run go on, and wait until it does the same; nobody is there any more: go on."""
        if give:
            os.write(self.pipes[1], b'.')
        os.read(self.pipes[0], 1)

    def after_train(self, runner):
        if self.pipes:
            os.close(self.pipes[1])


def train(config: Path, work_dir: Path, count: int, interval: int) -> None:
    """Train for so many steps with everything that tools/train.py adds, a validation and a checkpoint per interval."""
    options = {
        'train_cfg.max_iters': count,
        'train_cfg.val_interval': interval,
        'default_hooks.checkpoint.interval': interval,
        'default_hooks.logger.interval': 100,
    }
    sys.argv = ['train.py', str(config), '--work-dir', str(work_dir), '--no-pin-memory', '--cfg-options']
    sys.argv += [f'{key}={value}' for key, value in options.items()]
    short_run.train.main()


def steps(folder: Path, count: int) -> dict:
    """Train so long, and, in a fork, for a tenth of it; what was held at a quarter, half and end, and the times."""
    config, _ = short_run.prepare(folder, workers=0, seed=0)['iterations']
    config.write_text(config.read_text() + "\ncustom_hooks = [dict(type='Watch')]\nlog_level = 'WARNING'\n")
    ours, theirs = os.pipe(), os.pipe()
    few, interval = count // 10, max(count // 20, 1)
    Watch.block = max(few // 20, 1)

    def fresh() -> None:
        os.close(ours[1]), os.close(theirs[0])
        Watch.pipes = ours[0], theirs[1]
        train(config, folder / 'fresh', few, interval)
        (folder / 'times.json').write_text(json.dumps(Watch.times))

    other = short_run.fork(fresh, folder / 'fresh.log', session=False)
    os.close(ours[0]), os.close(theirs[1])
    Watch.pipes, Watch.first = (theirs[0], ours[1]), count - few
    train(config, folder / 'work', count, interval)
    if short_run.wait(other):
        sys.exit((folder / 'fresh.log').read_text()[-3000:])
    times = json.loads((folder / 'times.json').read_text())
    ratios = [statistics.median(Watch.times[int(i)]) / statistics.median(block) for i, block in times.items()]
    error = statistics.stdev(ratios) / len(ratios) ** 0.5 if len(ratios) > 1 else float('nan')
    at = {name: Watch.seen[min(Watch.seen, key=lambda step: abs(step - count * part))] for name, part in PARTS.items()}
    growth = round(at['end']['mib'] - at['quarter']['mib'], 1)
    ratio = [round(statistics.mean(ratios) + sign * 2 * error, 3) for sign in (-1, 1)]
    step = round(1000 * statistics.median(Watch.times[max(Watch.times)]), 1)
    return dict(steps=count, **at, growth=growth, milliseconds=step, blocks=len(ratios), ratio=ratio)


def alive() -> dict:
    """What is there: modules, parameters, and hooks on modules."""
    gc.collect()
    objects = gc.get_objects()
    modules = [thing for thing in objects if isinstance(thing, nn.Module)]
    return dict(
        modules=len(modules),
        tensors=sum(isinstance(thing, torch.Tensor) for thing in objects),
        hooks=sum(
            len(module._forward_hooks) + len(module._backward_hooks) + len(module._forward_pre_hooks)
            for module in modules
        ),
    )


def cycle(model: dict) -> None:
    """Build a distiller, take a training step's losses and gradients, delete it."""
    from mmpretrain.structures import DataSample

    built = MODELS.build(model)
    losses = built(torch.randn(2, 3, 28, 28), [DataSample().set_gt_label(i) for i in range(2)], mode='loss')
    sum(value for name, value in losses.items() if name.startswith('loss')).backward()
    if any(module._forward_hooks for module in built.modules()):
        raise RuntimeError('a hook is left after the step')


def cycles(folder: Path, count: int) -> dict:
    """Build and delete the distiller so many times; what is alive and memory before and after, from the third on."""
    model = Config.fromfile(short_run.prepare(folder, workers=0, seed=0)['iterations'][0]).model
    for _ in range(3):
        cycle(model)
    before, memory = alive(), resident()
    quarter = memory
    for number in range(count):
        cycle(model)
        if number == count // 4:
            gc.collect()
            quarter = resident()
    after = alive()
    return dict(cycles=count, before=before, after=after, growth_since_quarter=round(resident() - quarter, 1))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--steps', type=int, default=2000)
    parser.add_argument('--cycles', type=int, default=200)
    args = parser.parse_args()
    for function, count in ((cycles, args.cycles), (steps, args.steps)):
        begin = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            found = function(Path(folder), count)
        print(json.dumps(dict(found, seconds=round(time.monotonic() - begin))), flush=True)


if __name__ == '__main__':
    main()
