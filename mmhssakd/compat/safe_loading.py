"""torch's safe loading, for what mmengine's own checkpoints hold."""

import functools
import importlib
import pickle
from typing import Any, Callable

import numpy as np
import torch
from mmengine.logging.history_buffer import HistoryBuffer
from mmengine.optim.scheduler.param_scheduler import OneCycleParamScheduler
from mmengine.runner import checkpoint

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


def load_safely(file: Any, map_location: Any = None, weights_only: bool = True) -> Any:
    """Stand in for the forked mmengine's loader, which loads a file without safety when the safe way refuses it."""
    return torch.load(file, map_location=map_location, weights_only=True)


def install() -> None:
    """Make safe loading the only way, and let it know what mmengine saves."""
    register_safe_globals()
    checkpoint.load_url = functools.partial(checkpoint.load_url, weights_only=True)  # torch's own default is False
    if hasattr(checkpoint, '_safe_torch_load'):  # of the fork, 0.10.12
        checkpoint._safe_torch_load = load_safely
