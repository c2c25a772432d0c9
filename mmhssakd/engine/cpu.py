"""Run on a CPU what mmengine takes a GPU for: process groups, DDP, mixed precision."""
import logging
import os

import torch
import torch.distributed as torch_dist
from mmengine.config import Config
from mmengine.logging import print_log


def use_amp(cfg: Config) -> None:
    """Turn on mixed precision: bfloat16, float16 on a GPU that lacks it, or what ``optim_wrapper.dtype`` says."""
    if torch.cuda.is_available():
        cfg.optim_wrapper.type = 'AmpOptimWrapper'
        cfg.optim_wrapper.setdefault('loss_scale', 'dynamic')
        if torch.cuda.is_bf16_supported(including_emulation=False):
            cfg.optim_wrapper.setdefault('dtype', 'bfloat16')
    else:
        if not torch.ops.mkldnn._is_mkldnn_bf16_supported():
            print_log('This CPU has no bfloat16 instructions: --amp works but will be slower than float32.',
                      level=logging.WARNING)
        cfg.optim_wrapper.type = 'mmhssakd.BF16OptimWrapper'


def prepare_distributed(cfg: Config) -> None:
    """Make ``--launcher pytorch`` work without a GPU: gloo, and DDP or FSDP without a GPU's number."""
    if cfg.launcher != 'pytorch' or torch.cuda.is_available():
        return
    cfg.env_cfg.dist_cfg.backend = 'gloo'
    cfg.setdefault('model_wrapper_cfg', dict(
        type='MMDistributedDataParallel', device_ids=None, broadcast_buffers=False))
    if 'strategy' in cfg:
        cfg.strategy.setdefault('model_wrapper', dict())['device_id'] = 'cpu'
    if not torch_dist.is_initialized():  # mmengine's init_dist would call torch.cuda.set_device
        torch_dist.init_process_group('gloo')
    torch.set_num_threads(int(os.environ.get('OMP_NUM_THREADS', 1)))
