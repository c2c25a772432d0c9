"""``--amp``: mixed precision on any device."""

import logging

import torch
from mmengine.config import Config
from mmengine.logging import print_log

from mmhssakd.engine.optimizers.bf16_optim_wrapper import has_bfloat16


def usual_dtype(detector: bool) -> str:
    """Precision of ``--amp``: bfloat16, which needs no loss scaling, unless the device or mmcv's operators lack it.

    Raises:
        ValueError: The model is a detector, and there is no GPU.
    """
    if not torch.cuda.is_available():
        if detector:
            raise ValueError(
                "--amp trains a detector on a GPU only: on a CPU it is bfloat16, which mmcv's operators "
                'do not know. Leave it out.'
            )
        return 'bfloat16'
    return 'float16' if detector or not torch.cuda.is_bf16_supported(including_emulation=False) else 'bfloat16'


def use_amp(cfg: Config) -> None:
    """Turn on mixed precision: what ``optim_wrapper.dtype`` says, or :func:`usual_dtype`.

    Raises:
        ValueError: There is no GPU, and the model is a detector, or the dtype is another than bfloat16.
    """
    wrapper = cfg.optim_wrapper
    usual = usual_dtype(detector=cfg.get('default_scope') == 'mmdet')
    dtype = wrapper.pop('dtype', usual)
    if dtype == 'bfloat16':
        wrapper.type = 'mmhssakd.BF16OptimWrapper'
        for option in ('loss_scale', 'use_fsdp'):  # of AmpOptimWrapper
            wrapper.pop(option, None)
        if not torch.cuda.is_available() and not has_bfloat16():
            print_log(
                'torch has no fast bfloat16 for this CPU: --amp saves memory here, but no time.', level=logging.WARNING
            )
    elif torch.cuda.is_available():
        wrapper.update(type='AmpOptimWrapper', dtype=dtype)
        wrapper.setdefault('loss_scale', 'dynamic')
        if cfg.get('strategy', {}).get('type') == 'FSDPStrategy':
            wrapper.setdefault('use_fsdp', True)
    else:
        raise ValueError(f'optim_wrapper.dtype={dtype}: on a CPU, --amp is bfloat16. Leave this option out.')
