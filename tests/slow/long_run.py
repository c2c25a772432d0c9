"""Memory over many steps, and over many models built and deleted.

python tests/slow/long_run.py --steps 2000 --cycles 200
"""

import argparse
import gc
import json
import sys
import tempfile
import time
from pathlib import Path

import short_run
import torch
import torch.nn as nn
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.registry import HOOKS

from mmhssakd.registry import MODELS


def resident() -> float:
    """Memory of this process in MiB."""
    pages = int(Path('/proc/self/statm').read_text().split()[1])
    return pages * 4096 / 2**20


@HOOKS.register_module()
class WatchMemory(Hook):
    """Note the memory twenty times in a run."""

    seen = {}

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        if self.every_n_train_iters(runner, max(runner.max_iters // 20, 1)):
            gc.collect()
            self.seen[runner.iter + 1] = resident()


def steps(folder: Path, count: int) -> dict:
    """Train for so many steps with everything that tools/train.py adds; memory at a quarter, half and end of them."""
    config, _ = short_run.prepare(folder, workers=0, seed=0)['iterations']
    config.write_text(config.read_text() + "\ncustom_hooks = [dict(type='WatchMemory')]\nlog_level = 'WARNING'\n")
    quarter = max(count // 4, 1)
    sys.argv = [
        'train.py',
        str(config),
        '--work-dir',
        str(folder / 'work'),
        '--no-pin-memory',
        '--cfg-options',
        f'train_cfg.max_iters={count}',
        f'train_cfg.val_interval={quarter}',
        f'default_hooks.checkpoint.interval={quarter}',
        'default_hooks.logger.interval=100',
    ]
    short_run.train.main()
    seen = WatchMemory.seen
    quarter, half, end = (seen[min(seen, key=lambda step: abs(step - count * part))] for part in (0.25, 0.5, 1))
    return dict(
        steps=count,
        mib_at_quarter=round(quarter, 1),
        mib_at_half=round(half, 1),
        mib_at_end=round(end, 1),
        growth=round(end - quarter, 1),
    )


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
