"""The gate for weights: read them safely, compare them with a model, and skip nothing silently."""

import os.path as osp
from typing import Any, Optional, Sequence

import torch
import torch.nn as nn
from mmengine.runner import CheckpointLoader

from .foreign import Tensors, to_ours, unwrap

FLOATS = (torch.float64, torch.float32, torch.bfloat16, torch.float16)


def read_checkpoint(checkpoint: str, where: str = 'checkpoint', map_location: str = 'cpu') -> Any:
    """Read what a checkpoint holds, by :func:`mmhssakd.compat.safe_loading.load_from_local`.

    Args:
        checkpoint (str): Path or URL.
        where (str): What to call it in messages, for example the config key.
        map_location (str): 'cpu', or 'meta' for names and shapes without the numbers.

    Raises:
        ConnectionError: A URL cannot be read.
        FileNotFoundError: There is no such file.
        ValueError: The file is no checkpoint, is damaged, or holds something that could run code.
    """
    if not isinstance(checkpoint, str) or not checkpoint:
        raise ValueError(f'{where} must be the path or URL of a checkpoint, but got {checkpoint!r}.')
    option = f' (--cfg-options {where}=PATH)' if '.' in where else ''
    if '://' not in checkpoint and not osp.isfile(checkpoint):
        raise FileNotFoundError(
            f'{where}: no such checkpoint: {checkpoint}. Train it first, or set {where} to an existing one{option}.'
        )
    try:
        return CheckpointLoader.load_checkpoint(checkpoint, map_location=map_location)
    except ValueError as error:
        raise ValueError(f'{where}: {error}') from None
    except OSError as error:
        if '://' not in checkpoint:
            raise
        raise ConnectionError(
            f'{where}: cannot download {checkpoint}: {error}. Without a network, fetch the file elsewhere and set '
            f'{where} to its path{option}.'
        ) from None


def tensors_of(content: Any, source: str, key: str = 'state_dict', wrapper: str = 'module.') -> Tensors:
    """The tensors of a checkpoint's content, see :func:`read_state_dict`; ``source`` names it in messages."""
    tensors: Any = content.get(key, content) if isinstance(content, dict) else None
    pairs = tensors.items() if isinstance(tensors, dict) else ()
    if not pairs or not all(isinstance(name, str) and isinstance(value, torch.Tensor) for name, value in pairs):
        raise ValueError(f'{source} holds no state dict of tensors.')
    return {name.removeprefix(wrapper): value for name, value in tensors.items()}


def read_state_dict(checkpoint: str, where: str = 'checkpoint', **kwargs: str) -> Tensors:
    """Read the tensors of a checkpoint.

    Args:
        checkpoint (str): Path or URL; of a file with a state dict under ``key``, or of a bare state dict.
        where (str): What to call it in messages, for example the config key.
        **kwargs: ``key``, by default 'state_dict'; ``wrapper``, the leading part of the names, of a model wrapper, to
            take off, by default 'module.'.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It cannot be read, see :func:`read_checkpoint`, or holds no state dict.
    """
    return tensors_of(read_checkpoint(checkpoint, where), f'{where}: {checkpoint}', **kwargs)


def check_fit(expected: Tensors, found: Tensors, message: str, limit: Optional[int] = 20) -> None:
    """Compare two state dicts by names and shapes; values not finite, or quantized without a scale, differ too.

    Raises:
        ValueError: They differ: ``message``, and up to ``limit`` tensors of each kind of difference.
    """
    lists = dict(
        missing=[name for name in expected if name not in found],
        unexpected=[name for name in found if name not in expected],
        reshaped=[
            f'{name} {tuple(found[name].shape)} instead of {tuple(expected[name].shape)}'
            for name in expected
            if name in found and found[name].shape != expected[name].shape
        ],
        retyped=[
            f'{name} {found[name].dtype} instead of {value.dtype}'
            for name, value in expected.items()
            if name in found and value.is_floating_point() and found[name].dtype not in FLOATS
        ],
        infinite=[
            f'{name} with {(~value.isfinite()).sum()} values that are NaN or infinite'
            for name, value in found.items()
            if value.dtype in FLOATS and not value.isfinite().all()
        ],
    )
    lines = [
        f'{len(names)} {kind}: {", ".join(names[:limit])}{", ..." if limit and len(names) > limit else ""}'
        for kind, names in lists.items()
        if names
    ]
    if lines:
        raise ValueError('\n'.join([message, *lines]))


def load_weights(model: nn.Module, checkpoint: str, where: str = 'checkpoint', others: Sequence[str] = ()) -> dict:
    """Load every tensor of a model from a checkpoint; a model without branches leaves a checkpoint's alone.

    Args:
        model (nn.Module): The model. Its ``learned_classes`` becomes the names of the classes that its head learned, if
            the checkpoint has them.
        checkpoint (str): Path or URL; of ours, or a file of timm's or torchvision's for a model with their backbone.
        where (str): What to call the checkpoint in messages.
        others (Sequence[str]): Modules of the model that are left as they are.

    Returns:
        dict: ``meta`` of the checkpoint, empty if it has none.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file cannot be read, or the tensors' names or shapes differ; the message lists them.
    """
    content = read_checkpoint(checkpoint, where)
    tensors = to_ours(tensors_of(unwrap(content), f'{where}: {checkpoint}', wrapper=''), model)
    meta = (isinstance(content, dict) and content.get('meta')) or {}
    ignored = {'data_preprocessor', *others} | (set() if hasattr(model, 'auxiliary_neck') else {'auxiliary_neck'})
    state, found = (
        {name: value for name, value in values.items() if name.split('.')[0] not in ignored}
        for values in (model.state_dict(), tensors)
    )
    backbone = type(getattr(model, 'backbone', model)).__name__
    check_fit(
        {name: state[name] for name in state if name in found or not name.endswith('num_batches_tracked')},
        found,
        f'{where}: {checkpoint} does not fit {type(model).__name__} ({backbone} backbone): is it of another '
        "architecture, image size or number of classes, or without a head (model.frozen='backbone')?",
    )
    model.load_state_dict(found, strict=False)
    if 'head' not in ignored:
        names: Any = (meta.get('dataset_meta') or {}).get('classes')
        model.learned_classes = names
    return meta
