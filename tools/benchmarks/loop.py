"""What mmengine's Runner adds to a training step: data loading from memory, hooks, logging."""

import tempfile
import time
from statistics import median
from typing import Dict, List, Optional

import torch
from mmengine.dataset import default_collate
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch.utils.data import DataLoader, Dataset

from .measure import synchronize
from .pairs import build, make_batch
from .variants import SGD


class InMemory(Dataset):
    """A batch of images, again and again, as a pipeline would return them."""

    metainfo = {}

    def __init__(self, data: dict, length: int) -> None:
        self.data, self.length = data, length

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> dict:
        if index >= self.length:
            raise IndexError(index)
        i = index % len(self.data['inputs'])
        return dict(inputs=self.data['inputs'][i], data_samples=self.data['data_samples'][i])


class Rounds(Hook):
    """After each epoch of the Runner, do as many bare steps: forward, backward, update, nothing else."""

    priority = 'LOWEST'

    def __init__(self, data: dict, steps: int, device: str) -> None:
        self.data, self.steps, self.device = data, steps, device
        self.times: Dict[str, List[float]] = dict(runner=[], bare=[])

    def before_train_epoch(self, runner: Runner) -> None:
        """Start the Runner's clock."""
        synchronize(self.device)
        self.begin = time.perf_counter()

    def after_train_epoch(self, runner: Runner) -> None:
        """Stop it, and time the bare steps."""
        synchronize(self.device)
        self.times['runner'].append((time.perf_counter() - self.begin) / self.steps)
        model, optimizer = runner.model, runner.optim_wrapper.optimizer
        data = model.data_preprocessor(dict(self.data), True)
        begin = time.perf_counter()
        for _ in range(self.steps):
            losses = model(**data, mode='loss')
            sum(value for name, value in losses.items() if 'loss' in name).backward()
            optimizer.step()
            optimizer.zero_grad()
        synchronize(self.device)
        self.times['bare'].append((time.perf_counter() - begin) / self.steps)


def runner_share(settings: dict, rounds: int, steps: int, log_interval: Optional[int] = 50) -> dict:
    """Time per step in a whole Runner and bare, in turn.

    Args:
        settings (dict): ``pair``, ``size``, ``batch_size``, ``device``, ``threads``, ``small``.
        rounds (int): Epochs of the Runner; one more comes first and does not count.
        steps (int): Steps in an epoch.
        log_interval (int): Steps between lines of the log. The end of an epoch is logged as well.

    Returns:
        dict: Median seconds of a step in ``runner`` and ``bare``, and the Runner's ``share`` above bare, in percent.
    """
    torch.set_num_threads(settings['threads'])
    batch_size = settings['batch_size']
    model, cfg = build(settings['pair'], settings['size'], small=settings['small'])
    data, _, _ = make_batch(model, settings['size'], batch_size)
    hook = Rounds(data, steps, settings['device'])
    with tempfile.TemporaryDirectory() as folder:
        loader = DataLoader(
            InMemory(data, batch_size * steps),
            batch_size,
            collate_fn=default_collate,
            pin_memory=settings['device'] == 'cuda',
        )
        Runner(
            model,
            folder,
            train_dataloader=loader,
            train_cfg=dict(by_epoch=True, max_epochs=rounds + 1),
            optim_wrapper=dict(optimizer=dict(SGD, type='SGD')),
            param_scheduler=cfg.param_scheduler,
            default_hooks=dict(
                logger=dict(type='LoggerHook', interval=log_interval),
                checkpoint=dict(type='CheckpointHook', interval=-1),
            ),
            custom_hooks=[*cfg.custom_hooks, hook],
            default_scope='mmpretrain',
            log_level='WARNING',
        ).train()
    times = {name: values[1:] for name, values in hook.times.items()}
    result = {name: median(values) for name, values in times.items()}
    shares = [100 * (ours / bare - 1) for ours, bare in zip(times['runner'], times['bare'])]
    result.update(share=median(shares), share_rounds=shares, steps=steps)
    print(
        f'Runner {result["runner"]:.4f} s a step, bare {result["bare"]:.4f} s: {result["share"]:+.1f} % '
        f'(rounds: {min(shares):+.1f} to {max(shares):+.1f} %)'
    )
    return result
