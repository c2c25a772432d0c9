"""Run on a CPU what mmengine takes a GPU for: process groups, DDP, mixed precision."""
import logging
import os

import torch
import torch.distributed as torch_dist
from mmengine.config import Config
from mmengine.logging import print_log


def has_bfloat16() -> bool:
    """Whether this CPU has bfloat16 instructions."""
    return torch.ops.mkldnn._is_mkldnn_bf16_supported()


def use_amp(cfg: Config) -> None:
    """Turn on mixed precision: bfloat16, or on a GPU what ``optim_wrapper.dtype`` says.

    On a GPU it is float16 for detectors, since mmcv's operators know no bfloat16, and where the GPU knows none.

    Raises:
        ValueError: The config is a detector's, and there is no GPU.
    """
    detector = cfg.get('default_scope') == 'mmdet'
    if torch.cuda.is_available():
        cfg.optim_wrapper.type = 'AmpOptimWrapper'
        cfg.optim_wrapper.setdefault('loss_scale', 'dynamic')
        if not detector and torch.cuda.is_bf16_supported(including_emulation=False):
            cfg.optim_wrapper.setdefault('dtype', 'bfloat16')
        return
    if detector:
        raise ValueError("--amp trains a detector on a GPU only: on a CPU it is bfloat16, which mmcv's operators "
                         'do not know. Leave it out.')
    if not has_bfloat16():
        print_log('This CPU has no bfloat16 instructions: --amp saves memory here, but no time.', level=logging.WARNING)
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
