"""Load weights so that nothing is left out silently."""

import io
import os.path as osp
import pickle
from typing import Dict, Optional, Sequence

import torch
import torch.nn as nn
from mmengine.runner import CheckpointLoader

from .files import replace_file


def read_state_dict(checkpoint: str, where: str = 'checkpoint', wrapper: str = 'module.') -> Dict[str, torch.Tensor]:
    """Read the tensors of a checkpoint under torch's safe loading.

    Args:
        checkpoint (str): Path or URL; a file with ``state_dict``, or a bare state dict.
        where (str): What to call it in messages, for example the config key.
        wrapper (str): Leading part of the names, of a model wrapper, to take off.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is no checkpoint, is damaged, or holds something that could run code.
    """
    if not isinstance(checkpoint, str) or not checkpoint:
        raise ValueError(f'{where} must be the path or URL of a checkpoint, but got {checkpoint!r}.')
    if '://' not in checkpoint and not osp.isfile(checkpoint):
        option = f' (--cfg-options {where}=PATH)' if '.' in where else ''
        raise FileNotFoundError(
            f'{where}: no such checkpoint: {checkpoint}. Train it first, or set {where} to an existing one{option}.'
        )
    try:
        content = CheckpointLoader.load_checkpoint(checkpoint, map_location='cpu')
    except (pickle.UnpicklingError, RuntimeError, EOFError) as error:
        raise ValueError(
            f'{where}: {checkpoint} is no checkpoint, is damaged, or holds more than plain data (whose '
            f'code was not run): {error}'
        ) from None
    tensors = content.get('state_dict', content) if isinstance(content, dict) else {}
    if not tensors or not all(isinstance(value, torch.Tensor) for value in tensors.values()):
        raise ValueError(f'{where}: {checkpoint} holds no state dict of tensors.')
    return {name.removeprefix(wrapper): value for name, value in tensors.items()}


def compare(expected: Dict[str, torch.Tensor], found: Dict[str, torch.Tensor], limit: Optional[int] = 20) -> str:
    """Describe how two state dicts differ, naming up to ``limit`` tensors of a kind; empty when they fit."""
    lists = dict(
        missing=[name for name in expected if name not in found],
        unexpected=[name for name in found if name not in expected],
        reshaped=[
            f'{name} {tuple(found[name].shape)} instead of {tuple(expected[name].shape)}'
            for name in expected
            if name in found and found[name].shape != expected[name].shape
        ],
    )
    return '\n'.join(
        f'{len(names)} {kind}: {", ".join(names[:limit])}{", ..." if limit and len(names) > limit else ""}'
        for kind, names in lists.items()
        if names
    )


def load_weights(model: nn.Module, checkpoint: str, where: str = 'checkpoint', ignore: Sequence[str] = ()) -> None:
    """Load every tensor of ``model`` from a checkpoint.

    Args:
        model (nn.Module): The model.
        checkpoint (str): Path or URL.
        where (str): What to call the checkpoint in messages.
        ignore (Sequence[str]): Prefixes of names in the checkpoint that the model need not have.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The tensors' names or shapes differ; the message lists them.
    """
    found = {
        name: value
        for name, value in read_state_dict(checkpoint, where).items()
        if not name.startswith(('data_preprocessor.', *ignore))
    }
    difference = compare(model.state_dict(), found)
    if difference:
        raise ValueError(
            f'{where}: {checkpoint} does not fit {type(model).__name__} '
            f'({type(getattr(model, "backbone", model)).__name__} backbone): '
            f'is it of another architecture or another number of classes?\n{difference}'
        )
    model.load_state_dict(found)


def save_atomically(content: dict, path: str) -> None:
    """Save a checkpoint so that an interruption leaves either the old file or the new one, never a part of it.

    Raises:
        FileNotFoundError: The folder does not exist.
        OSError: It could not be written; the old file is untouched.
    """
    folder = osp.dirname(osp.abspath(path))
    if not osp.isdir(folder):
        raise FileNotFoundError(f'no such folder to write to: {folder}')
    buffer = io.BytesIO()
    torch.save(content, buffer)
    replace_file(buffer.getvalue(), path)
