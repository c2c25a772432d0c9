"""Run on a CPU what mmengine takes a GPU for: process groups, and DDP."""

import os

import torch
import torch.distributed as torch_dist
from mmengine.config import Config


def prepare_distributed(cfg: Config) -> None:
    """Make ``--launcher pytorch`` work without a GPU: gloo, and DDP or FSDP without a GPU's number."""
    if cfg.launcher != 'pytorch' or torch.cuda.is_available():
        return
    cfg.env_cfg.dist_cfg.backend = 'gloo'
    cfg.setdefault(
        'model_wrapper_cfg',
        dict(
            type='MMDistributedDataParallel',
            device_ids=None,
            broadcast_buffers=False,
            find_unused_parameters=cfg.get('find_unused_parameters', False),
        ),
    )
    if 'strategy' in cfg:
        cfg.strategy.setdefault('model_wrapper', dict())['device_id'] = 'cpu'
    if not torch_dist.is_initialized():  # mmengine's init_dist would call torch.cuda.set_device
        torch_dist.init_process_group('gloo')
    torch.set_num_threads(int(os.environ.get('OMP_NUM_THREADS', 1)))
