"""Gradient checkpointing that leaves the running statistics of batch norms as they would be without it."""

from contextlib import contextmanager, nullcontext
from typing import Iterator

import torch
import torch.nn as nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.checkpoint import checkpoint


@contextmanager
def kept_statistics(module: nn.Module) -> Iterator[None]:
    """Keep the running statistics as they are inside the ``with`` block; batch statistics are used as before."""
    norms = [
        (norm, norm.momentum, norm.num_batches_tracked)
        for norm in module.modules()
        if isinstance(norm, _BatchNorm) and norm.training and norm.track_running_stats
    ]
    for norm, _, _ in norms:
        norm.momentum, norm.num_batches_tracked = 0.0, None
    try:
        yield
    finally:
        for norm, momentum, batches in norms:
            norm.momentum, norm.num_batches_tracked = momentum, batches


def run_checkpointed(module: nn.Module, inputs: torch.Tensor) -> torch.Tensor:
    """Run a module, and run it again in the backward pass instead of keeping its activations."""
    return checkpoint(module, inputs, use_reentrant=False, context_fn=lambda: (nullcontext(), kept_statistics(module)))
