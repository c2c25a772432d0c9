"""Damaged copies of a small checkpoint, and what became of each."""

import copy
import random
from collections import Counter
from pathlib import Path
from typing import Any, Callable, Sequence

import numpy as np
import torch
from mmengine.logging import HistoryBuffer
from safetensors.torch import save_file

from mmhssakd.weights import read_checkpoint


def make(file: Path) -> Any:
    """Write what training does, in little; its suffix says in which format. Returns the content."""
    network = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4), torch.nn.Linear(4, 2))
    if file.suffix == '.safetensors':
        save_file(network.state_dict(), file)
    else:
        optimizer = torch.optim.SGD(network.parameters(), 0.1, momentum=0.9).state_dict()
        hub = dict(loss=HistoryBuffer([1.0, 2.0], [1, 1], max_length=10))
        content = dict(state_dict=network.state_dict(), optimizer=optimizer, message_hub=hub, meta=dict(iter=3))
        torch.save(content, file, _use_new_zipfile_serialization=file.suffix != '.pkl')
    return copy.deepcopy(read_checkpoint(str(file)))  # safetensors maps the file, which is overwritten


def cut(data: bytearray, draw: random.Random) -> None:
    """At the end, as by a full disk, or at the beginning."""
    place = draw.randrange(len(data))
    del data[slice(place, None) if draw.random() < 0.8 else slice(place)]


def flip(data: bytearray, draw: random.Random) -> None:
    for _ in range(draw.choice((1, 1, 1, 2, 8, 64))):
        data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)


def overwrite(data: bytearray, draw: random.Random, byte: Callable[[], int]) -> None:
    begin, count = draw.randrange(len(data)), draw.choice((1, 2, 4, 16, 512))
    for i in range(begin, min(begin + count, len(data))):
        data[i] = byte()


def zero(data: bytearray, draw: random.Random) -> None:
    overwrite(data, draw, lambda: 0)


def noise(data: bytearray, draw: random.Random) -> None:
    overwrite(data, draw, lambda: draw.randrange(256))


KINDS = (cut, flip, zero, noise)


def equal(a: Any, b: Any) -> bool:
    """Whether two contents of checkpoints are the same, to the bit."""
    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        return list(a) == list(b) and all(equal(a[key], b[key]) for key in a)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(equal, a, b))
    if isinstance(a, torch.Tensor):
        same = (a.dtype, a.shape) == (b.dtype, b.shape)
        return same and a.detach().contiguous().numpy().tobytes() == b.contiguous().numpy().tobytes()
    if isinstance(a, np.ndarray):
        return (a.dtype, a.shape) == (b.dtype, b.shape) and a.tobytes() == b.tobytes()
    return equal(vars(a), vars(b)) if hasattr(a, '__dict__') else bool(a == b)


def fuzz(file: Path, copies: int, seed: int = 0, kinds: Sequence[Callable] = KINDS) -> Counter:
    """Read so many damaged copies of a checkpoint of :func:`make`, which is written to ``file``.

    Returns:
        Counter: How many were 'refused' as our messages do; loaded the 'same' or 'other' values; or ended in an
            exception that is not ours, by its name.
    """
    draw, content, outcomes = random.Random(seed), make(file), Counter()
    original = file.read_bytes()
    for i in range(copies):
        data = bytearray(original)
        kinds[i % len(kinds)](data, draw)
        file.write_bytes(data)
        try:
            outcomes['same' if equal(read_checkpoint(str(file)), content) else 'other'] += 1
        except ValueError as error:
            ours = f'{file} is no checkpoint, is damaged, or' in str(error) and '\n' not in str(error)
            outcomes['refused' if ours else repr(error)] += 1
        except Exception as error:
            outcomes[repr(error)] += 1
    return outcomes
