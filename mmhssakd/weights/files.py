"""Write files so that an interruption leaves either the old file or the new one."""

import os
import os.path as osp
from contextlib import suppress
from typing import Union

from mmengine.fileio import LocalBackend, register_backend
from mmengine.runner import save_checkpoint


def put_in_place(path: str) -> None:
    """Bring ``{path}.tmp`` to the disk, then give it the name ``path`` in one step."""
    temporary = f'{path}.tmp'
    with open(temporary, 'rb') as file:
        os.fsync(file.fileno())  # else a power failure may leave an empty file under the new name
    os.replace(temporary, path)


def replace_file(data: bytes, path: str) -> None:
    """Write ``data`` beside ``path``, bring it to the disk, then put it in the place of ``path`` in one step.

    Raises:
        OSError: It could not be written (disk full, no permission, ...). What was at ``path`` is untouched, and
            nothing is left beside it.
    """
    temporary = f'{path}.tmp'
    try:
        with open(temporary, 'wb') as file:
            file.write(data)
        put_in_place(path)
    except OSError as error:
        with suppress(OSError):
            os.remove(temporary)
        raise OSError(
            error.errno,
            f'cannot write {path} ({len(data) / 2**20:.1f} MiB): {error.strerror}. What was written '
            'before is intact: make room, or choose another --work-dir',
        ) from error


@register_backend('atomic')
class AtomicBackend(LocalBackend):
    """mmengine's local files, written by :func:`replace_file`: ``backend_args=dict(backend='atomic')``."""

    def put(self, obj: bytes, filepath: Union[str, os.PathLike]) -> None:
        """Write bytes; the folder is made if it is not there."""
        os.makedirs(osp.dirname(osp.abspath(filepath)), exist_ok=True)
        replace_file(obj, str(filepath))


def save_atomically(content: dict, path: str) -> None:
    """Save a checkpoint by :class:`AtomicBackend`.

    Raises:
        FileNotFoundError: The folder does not exist.
        OSError: It could not be written; the old file is untouched.
    """
    folder = osp.dirname(osp.abspath(path))
    if not osp.isdir(folder):
        raise FileNotFoundError(f'no such folder to write to: {folder}')
    save_checkpoint(content, path, backend_args=dict(backend='atomic'))
