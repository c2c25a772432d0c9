"""Several processes without a GPU."""

import atexit
import os
from unittest import mock

import torch
import torch.distributed
from mmengine.dist import init_dist, is_distributed


def start_without_gpu(launcher: str) -> None:
    """Start the process group that a launcher asks for, on gloo, unless there is a GPU or the group is there.

    mmengine 0.10 gives each process its GPU, whatever the backend: needed until it asks first whether there is one.
    """
    if launcher == 'none' or torch.cuda.is_available() or is_distributed():
        return
    with mock.patch.object(torch.cuda, 'set_device'):
        init_dist(launcher, backend='gloo')
    atexit.register(leave)
    torch.set_num_threads(int(os.environ.get('OMP_NUM_THREADS', 1)))


def leave() -> None:
    """Leave the process group: torch 2.14 now and then ends by SIGABRT if gloo's threads outlive the interpreter.

    Until torch does it by itself (pytorch/pytorch#179291).
    """
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()
