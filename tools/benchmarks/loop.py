"""What the Runner of the configs adds to a training step: data loading from memory, loop, hooks, logging."""

import tempfile
import time
from statistics import median
from typing import Dict, List

import torch
from mmengine.config import ConfigDict
from mmengine.hooks import Hook
from mmengine.registry import RUNNERS
from mmengine.runner import Runner
from mmpretrain.structures import DataSample
from torch.utils.data import Dataset

from mmhssakd.registry import DATASETS
from .measure import synchronize
from .pairs import configure


@DATASETS.register_module()
class InMemory(Dataset):
    """One image of noise, again and again, as a pipeline would return it."""

    metainfo = {}

    def __init__(self, size: int, length: int) -> None:
        self.image, self.length = torch.randint(0, 256, (3, size, size), dtype=torch.uint8), length

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> dict:
        return dict(inputs=self.image, data_samples=DataSample().set_gt_label(index % 10))


class Rounds(Hook):
    """After each epoch of the Runner, do as many bare steps: forward, backward, update, nothing else."""

    priority = 'LOWEST'

    def __init__(self, steps: int, device: str) -> None:
        self.steps, self.device = steps, device
        self.times: Dict[str, List[float]] = dict(runner=[], bare=[])

    def before_train_epoch(self, runner: Runner) -> None:
        """Start the Runner's clock."""
        synchronize(self.device)
        self.begin = time.perf_counter()

    def after_train_epoch(self, runner: Runner) -> None:
        """Stop it, and time the bare steps."""
        synchronize(self.device)
        self.times['runner'].append((time.perf_counter() - self.begin) / self.steps)
        model, optimizer, loader = runner.model, runner.optim_wrapper.optimizer, runner.train_dataloader
        data = model.data_preprocessor(loader.collate_fn([loader.dataset[i] for i in range(loader.batch_size)]), True)
        begin = time.perf_counter()
        for _ in range(self.steps):
            losses = model(**data, mode='loss')
            sum(value for name, value in losses.items() if 'loss' in name).backward()
            optimizer.step()
            optimizer.zero_grad()
        synchronize(self.device)
        self.times['bare'].append((time.perf_counter() - begin) / self.steps)


def runner_share(settings: dict, rounds: int, steps: int) -> dict:
    """Time per step in a whole Runner, the one that the config names, and bare, in turn.

    Args:
        settings (dict): ``pair``, ``size``, ``batch_size``, ``device``, ``threads``, ``small``.
        rounds (int): Epochs of the Runner; one more comes first and does not count.
        steps (int): Steps in an epoch. The log has a line every 50, and one at the end of an epoch.

    Returns:
        dict: Median seconds of a step in ``runner`` and ``bare``, and the Runner's ``share`` above bare, in percent.
    """
    torch.set_num_threads(settings['threads'])
    size, batch_size = settings['size'], settings['batch_size']
    with tempfile.TemporaryDirectory() as folder:
        cfg = configure(settings['pair'], size, folder, small=settings['small'])
        dataset = dict(type='mmhssakd.InMemory', size=size, length=batch_size * steps)
        sampler, collate = dict(type='DefaultSampler', shuffle=True), dict(type='default_collate')
        cfg.train_dataloader = ConfigDict(
            dataset=dataset, batch_size=batch_size, num_workers=0, sampler=sampler, collate_fn=collate
        )
        cfg.train_dataloader.pin_memory = settings['device'] == 'cuda'
        cfg.train_cfg = ConfigDict(by_epoch=True, max_epochs=rounds + 1)
        for part in ('val', 'test'):
            cfg.update({f'{part}_{key}': None for key in ('cfg', 'dataloader', 'evaluator')})
        cfg.merge_from_dict({'default_hooks.logger.interval': 50, 'default_hooks.checkpoint.interval': -1})
        cfg.update(work_dir=folder, log_level='WARNING')
        runner = RUNNERS.build(cfg)  # a config without runner_type has mmengine's
        hook = Rounds(steps, settings['device'])
        runner.register_hook(hook)
        runner.train()
    times = {name: values[1:] for name, values in hook.times.items()}
    shares = [100 * (ours / bare - 1) for ours, bare in zip(times['runner'], times['bare'])]
    result = {name: median(values) for name, values in times.items()}
    result.update(type=type(runner).__name__, share=median(shares), share_rounds=shares, steps=steps)
    print(
        f'{result["type"]} {result["runner"]:.4f} s a step, bare {result["bare"]:.4f} s: {result["share"]:+.1f} % '
        f'(rounds: {min(shares):+.1f} to {max(shares):+.1f} %)'
    )
    return result
