"""Everything that recent versions of other packages ask of us, in one file."""
import importlib.metadata

import numpy as np
import torch
from mmengine.logging.history_buffer import HistoryBuffer
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
            raise ImportError(f'mmhssakd needs {name}>={lowest},<{limit}, but {found} is installed. '
                              f'Run: pip install "{name}>={lowest},<{limit}"')


def register_safe_globals() -> None:
    """Allow what mmengine's own checkpoints hold besides tensors under torch's safe loading.

    Since torch 2.6 ``torch.load`` refuses pickled classes that are not on its list. A resumable mmengine
    checkpoint holds its message hub: history buffers, which are numpy arrays. Nothing on this list can run code.
    """
    if not hasattr(torch.serialization, 'add_safe_globals'):  # torch < 2.4 loads without a list
        return
    multiarray = getattr(np, '_core', None) or np.core
    torch.serialization.add_safe_globals([
        HistoryBuffer, np.ndarray, np.dtype, multiarray.multiarray._reconstruct, multiarray.multiarray.scalar,
        type(np.dtype('float64')), type(np.dtype('float32')), type(np.dtype('int64')), type(np.dtype('int32')),
        type(np.dtype('bool')), type(np.dtype('uint8')),
    ])
