"""Everything that recent versions of other packages ask of us, in one file."""

import importlib.metadata
import pickle
from typing import Callable

import numpy as np
import torch
from mmengine.logging.history_buffer import HistoryBuffer
from mmengine.optim.scheduler.param_scheduler import OneCycleParamScheduler
from mmengine.utils import digit_version

# Ranges in which mmhssakd was tried: at least the first, below the second.
VERSIONS = {
    'mmengine': ('0.10.7', '1.0.0'),
    'mmcv': ('2.1.0', '2.2.0'),
    'mmpretrain': ('1.2.0', '2.0.0'),
    'mmdet': ('3.3.0', '4.0.0'),
}


def check_versions() -> None:
    """Compare the installed OpenMMLab packages with :data:`VERSIONS`.

    Raises:
        ImportError: A package is missing or outside its range; the message says which and how to mend it.
    """
    for name, (lowest, limit) in VERSIONS.items():
        try:
            found = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            raise ImportError(f'mmhssakd needs {name}, which is not installed. Run: bash tools/setup_env.sh') from None
        if not digit_version(lowest) <= digit_version(found) < digit_version(limit):
            raise ImportError(
                f'mmhssakd needs {name}>={lowest},<{limit}, but {found} is installed. '
                f'Run: pip install "{name}>={lowest},<{limit}"'
            )


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
    if not hasattr(torch.serialization, 'add_safe_globals'):  # torch < 2.4 loads without a list
        return
    multiarray = getattr(np, '_core', None) or np.core
    torch.serialization.add_safe_globals(
        [
            (known_method, 'builtins.getattr'),
            *METHODS,
            np.ndarray,
            np.dtype,
            multiarray.multiarray._reconstruct,
            multiarray.multiarray.scalar,
            type(np.dtype('float64')),
            type(np.dtype('float32')),
            type(np.dtype('int64')),
            type(np.dtype('int32')),
            type(np.dtype('bool')),
            type(np.dtype('uint8')),
        ]
    )
