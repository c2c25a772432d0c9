"""Changes to other packages' objects, each with its reason and how long it is needed."""

from contextlib import contextmanager
from functools import partial
from multiprocessing.pool import ThreadPool
from typing import Any, Callable, Iterator, Tuple
from unittest import mock

import torch
import torch.nn as nn
from mmdet.evaluation.functional import mean_ap
from mmdet.models.dense_heads import SSDHead
from mmengine._strategy import BaseStrategy
from mmengine.dist import is_main_process
from mmengine.logging import HistoryBuffer
from mmengine.model import BaseModule
from torch.utils.data import DataLoader

SSDHead.loss_cls = None  # what predicts in mmdet 3.3 asks every head for it (mmdetection's issue 11780)

# The history of a logged value is copied at each step, and is in each checkpoint: with mmengine's limit of a million,
# 20 values come to 12 ms a step and 150 MiB after 500,000 steps. Until it is lower.
HistoryBuffer.__init__.__defaults__ = ([], [], 10_000)


@contextmanager
def no_init_report() -> Iterator[None]:
    """Initialize modules without mmengine's line in the log for every tensor.

    Each branch is initialized by itself, so there would be many times the model's own lines. Until
    ``BaseModule.init_weights`` has an option for it, which mmengine 0.10 lacks.
    """
    with mock.patch.object(BaseModule, '_dump_init_info', lambda self: None):
        yield


@contextmanager
def voc_ap_in_threads() -> Iterator[None]:
    """Compute mmdet's VOC AP in threads, and print the first IoU threshold's table only.

    mmdet forks four processes for every threshold, out of a process that runs threads of torch, and leaves some of
    them behind. Until ``eval_map`` works without a pool; mmdet 3.3 makes one even for ``nproc=1``.
    """
    tables = iter([mean_ap.print_map_summary])

    def print_first(*args, **kwargs) -> None:
        for print_table in tables:
            print_table(*args, **kwargs)

    with mock.patch.multiple(mean_ap, Pool=ThreadPool, print_map_summary=print_first):
        yield


def take_every(stride: Tuple[int, int], module: nn.Module, inputs: Tuple[torch.Tensor]) -> torch.Tensor:
    """Every so many rows and columns of a map (B, C, H, W): a forward pre-hook."""
    return inputs[0][:, :, :: stride[0], :: stride[1]]


def stride_before_convolutions(model: nn.Module) -> None:
    """Let 1x1 convolutions of few channels get strided maps, in place of a stride; the result is the same.

    On a CPU in channels-last, oneDNN's weight gradient of such a convolution writes past its buffer if it has less than
    16 input channels, and the process crashes. Until its issue 6035 is closed in the torch that is used.
    """
    for conv in (module for module in model.modules() if isinstance(module, nn.Conv2d)):
        plain = conv.kernel_size == (1, 1) and conv.padding == (0, 0)
        if plain and conv.in_channels < 16 and conv.stride != (1, 1):
            conv.register_forward_pre_hook(partial(take_every, (conv.stride[0], conv.stride[1])))
            conv.stride = (1, 1)


def stop_workers(loader: DataLoader) -> None:
    """End the workers that a data loader keeps for its next pass.

    Python would send them SIGTERM as it exits, and wait: ours linger when they get one, see ``interrupt_hook.py``.
    Until torch has a public way to end them.
    """
    iterator = getattr(loader, '_iterator', None)
    if iterator is not None:
        iterator._shutdown_workers()
        loader._iterator = None


def write_beside(strategy: BaseStrategy, put_in_place: Callable[[str], None]) -> None:
    """Let a strategy of ``FlexibleRunner`` write ``{file}.tmp``, which ``put_in_place(file)`` then renames.

    Until strategies know file backends, as ``Runner.save_checkpoint`` does. What each process writes a part of is no
    single file, and stays as it is.
    """
    if not getattr(strategy, '_is_full_state_dict', lambda: True)():
        return
    save = strategy.save_checkpoint

    def save_checkpoint(filename: str, **kwargs: Any) -> None:
        save(f'{filename}.tmp', **kwargs)
        if is_main_process():
            put_in_place(filename)

    strategy.save_checkpoint = save_checkpoint
