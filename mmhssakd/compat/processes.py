"""Several processes without a GPU."""

import atexit
import os
import time
from contextlib import contextmanager
from datetime import timedelta
from typing import Iterator, List, Optional
from unittest import mock

import torch
import torch.distributed
from mmengine.dist import get_dist_info, init_dist, is_distributed


def start_without_gpu(launcher: str, options: Optional[dict] = None) -> None:
    """Start the process group that a launcher asks for, on gloo, unless there is a GPU or the group is there.

    Options are a config's ``env_cfg.dist_cfg``. mmengine 0.10 gives each process its GPU, whatever the backend: needed
    until it asks first whether there is one.
    """
    if launcher == 'none' or torch.cuda.is_available() or is_distributed():
        return
    with mock.patch.object(torch.cuda, 'set_device'):
        init_dist(launcher, **{**(options or {}), 'backend': 'gloo'})
    atexit.register(leave)
    torch.set_num_threads(int(os.environ.get('OMP_NUM_THREADS', 1)))


def leave() -> None:
    """Leave the process group: torch 2.14 now and then ends by SIGABRT if gloo's threads outlive the interpreter.

    Until torch does it by itself (pytorch/pytorch#179291).
    """
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


@contextmanager
def silence_named() -> Iterator[None]:
    """Let the error of a process group that timed out say which ranks do not answer.

    Raises:
        RuntimeError: The process group timed out.
    """
    try:
        yield
    except RuntimeError as error:
        if 'imed out' not in str(error) or not is_distributed():
            raise
        silent = ', '.join(f'rank {rank}' for rank in silent_ranks())
        raise RuntimeError(f'No answer from {silent or "a process that was too slow"}: {error}') from error


def silent_ranks(seconds: float = 10) -> List[int]:
    """Ranks that do not come here as well, for so long; each leaves a note in the group's store."""
    rank, size = get_dist_info()
    store = torch.distributed.distributed_c10d._get_default_store()  # private: no public function says who is there
    store.set_timeout(timedelta(seconds=seconds))
    end = time.monotonic() + seconds
    try:
        store.set(f'here/{rank}', '')
        while silent := [other for other in range(size) if not store.check([f'here/{other}'])]:
            if time.monotonic() > end:
                break
            time.sleep(0.1)
    except RuntimeError:  # the store is rank 0's, unless torchrun keeps it
        silent = [0]
    return silent
