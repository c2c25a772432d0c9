"""The one way in which checkpoints are read: torch's safe loading, after a comparison of checksums."""

import importlib
import os
import os.path as osp
import pickle
import zipfile
from typing import Any, Callable, Optional
from urllib.parse import urlparse

import numpy as np
import torch
from mmengine.logging.history_buffer import HistoryBuffer
from mmengine.optim.scheduler.param_scheduler import OneCycleParamScheduler
from mmengine.runner import CheckpointLoader, checkpoint
from safetensors.torch import load_file

# Methods that mmengine's objects pickle through ``getattr``.
METHODS = {
    HistoryBuffer: ('min', 'max', 'mean', 'current'),
    OneCycleParamScheduler: ('_annealing_cos', '_annealing_linear'),
}


def known_method(owner: type, name: str) -> Callable:
    """Stand in for ``getattr`` while a checkpoint is read: it finds the methods of :data:`METHODS` alone.

    Raises:
        pickle.UnpicklingError: Anything else is asked for.
    """
    if isinstance(owner, type) and name in METHODS.get(owner, ()):
        return getattr(owner, name)
    raise pickle.UnpicklingError(f'The checkpoint asks for the attribute {name!r} of {owner!r}: it is not loaded.')


def register_safe_globals() -> None:
    """Allow what mmengine's own checkpoints hold besides tensors under torch's safe loading.

    Since torch 2.6 ``torch.load`` refuses pickled classes that are not on its list. A resumable mmengine
    checkpoint holds its message hub (history buffers, which are numpy arrays) and its schedulers. Nothing on this
    list can run code.
    """
    multiarray = importlib.import_module('numpy._core.multiarray')  # numpy 1.26 has it under this name, too
    types = [type(np.dtype(name)) for name in ('float64', 'float32', 'int64', 'int32', 'bool', 'uint8')]
    arrays = [np.ndarray, np.dtype, multiarray._reconstruct, multiarray.scalar, *types]
    torch.serialization.add_safe_globals([(known_method, 'builtins.getattr'), *METHODS, *arrays])


def check_sums(file: str) -> None:
    """Compare the parts of a checkpoint with their checksums, which torch does not; errors are those of zipfile."""
    with zipfile.ZipFile(file) as archive:
        parts = archive.infolist()
        for part in parts if any(part.CRC for part in parts) else ():  # torch.serialization.set_crc32_options(False)
            if part.external_attr & 0x10:  # a folder: torch would return the memory that it has not filled
                raise zipfile.BadZipFile(f'the entry of {part.filename} was changed')
            with archive.open(part) as stream:
                while stream.read(2**20):
                    pass


def load_from_local(filename: str, map_location: Any = None) -> Any:
    """Read a checkpoint, in mmengine's stead: a damaged one is noticed, code in it never runs, safetensors are known.

    Raises:
        OSError: The file cannot be opened.
        ValueError: It is no checkpoint, is damaged, or holds something that could run code.
    """
    with open(osp.expanduser(filename), 'rb') as file:
        is_zip = file.read(4) == b'PK\3\4'  # where torch looks
    try:
        if filename.endswith('.safetensors'):
            return load_file(file.name)
        if is_zip:
            check_sums(file.name)
        return torch.load(file.name, map_location=map_location, weights_only=True)
    except Exception as error:  # bytes in disorder can lead to almost any
        lines = [line for line in str(error).splitlines() if line and 'weights_only' not in line]  # but torch's advice
        raise ValueError(
            f'{filename} is no checkpoint, is damaged, or holds more than plain data (whose code was not run): '
            f'{" ".join(lines) or type(error).__name__}'
        ) from None


def load_url(url: str, model_dir: Optional[str] = None, map_location: Any = None, progress: bool = True) -> Any:
    """Stand in for torch's: what it downloads is read by :func:`load_from_local`."""
    folder = model_dir or osp.join(torch.hub.get_dir(), 'checkpoints')
    file = osp.join(folder, osp.basename(urlparse(url).path))
    if not osp.exists(file):
        os.makedirs(folder, exist_ok=True)
        torch.hub.download_url_to_file(url, file, progress=progress)
    return load_from_local(file, map_location)


def load_safely(file: Any, map_location: Any = None, weights_only: bool = True) -> Any:
    """Stand in for the forked mmengine's loader, which loads a file without safety when the safe way refuses it."""
    return torch.load(file, map_location=map_location, weights_only=True)


def install() -> None:
    """Make safe loading the only way, and let it know what mmengine saves."""
    register_safe_globals()
    CheckpointLoader.register_scheme('', load_from_local, force=True)
    checkpoint.load_url = load_url
    if hasattr(checkpoint, '_safe_torch_load'):  # of the fork, 0.10.12
        checkpoint._safe_torch_load = load_safely
