"""Several processes without a GPU."""

import atexit
import os
import time
from contextlib import contextmanager
from threading import Thread
from typing import Iterator, List, Optional
from unittest import mock

import torch
import torch.distributed
from mmengine.dist import get_dist_info, init_dist, is_distributed


def start_without_gpu(launcher: str, options: Optional[dict] = None) -> None:
    """Start the process group that a launcher asks for, on gloo, unless there is a GPU or the group is there.

    mmengine 0.10 gives each process its GPU, whatever the backend: needed until it asks first whether there is one.
    Options are ``env_cfg.dist_cfg``.
    """
    if launcher == 'none' or torch.cuda.is_available() or is_distributed():
        return
    with mock.patch.object(torch.cuda, 'set_device'):
        init_dist(launcher, **{**(options or {}), 'backend': 'gloo'})
    atexit.register(leave)
    torch.set_num_threads(int(os.environ.get('OMP_NUM_THREADS', 1)))


def leave() -> None:
    """Leave the process group: if gloo's threads outlive the interpreter, torch 2.14 may abort (pytorch#179291)."""
    if is_distributed():
        torch.distributed.destroy_process_group()


@contextmanager
def silence_named() -> Iterator[None]:
    """Let the error of a process group that timed out name the ranks that do not answer."""
    try:
        yield
    except RuntimeError as error:
        if 'imed out' not in str(error) or not is_distributed():
            raise
        rank, size = get_dist_info()
        there: List[bool] = []
        store = torch.distributed.distributed_c10d._get_default_store()  # private: nothing public says who is there

        def look() -> None:
            store.set(f'here/{rank}', '')
            time.sleep(10)  # the others get here, too
            there.extend(store.check([f'here/{other}']) for other in range(size))

        Thread(target=look, daemon=True).start()  # it hangs if rank 0 is stopped and keeps the store
        time.sleep(15)
        silent = [str(other) for other in range(size) if not there[other]] if there else ['0']
        raise RuntimeError(f'No answer from rank {", ".join(silent) or "? in time"}: {error}') from error
