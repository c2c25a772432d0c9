"""Find the checkpoint that a run can go on from."""

import logging
import pickle
import zipfile
from pathlib import Path
from typing import List, Optional

import torch
from mmengine.logging import print_log

PARTS = ('meta', 'state_dict', 'optimizer', 'message_hub')


def check_resumable(path: str) -> None:
    """Read a checkpoint, under torch's safe loading, to find out whether a run can go on from it.

    ``torch.load`` alone does not notice changed bytes, so the checksums in the file are compared first.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is damaged, holds more than plain data, or is no checkpoint of a run.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f'--resume: no such checkpoint: {path}')
    try:
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
        if damaged:
            raise RuntimeError(f'the checksum of its part {damaged} is wrong')
        content = torch.load(path, map_location='cpu', mmap=True, weights_only=True)
    except (zipfile.BadZipFile, pickle.UnpicklingError, RuntimeError, EOFError, OSError, ValueError) as error:
        raise ValueError(f'{path} is damaged or cannot be loaded safely: {error}') from None
    missing = [part for part in PARTS if not isinstance(content, dict) or part not in content]
    if missing:
        raise ValueError(
            f'{path} holds no {", ".join(missing)}: it has weights, perhaps, but a run cannot go on from '
            'it. To start from weights use --cfg-options load_from=PATH.'
        )
    if 'config' in content['meta']:  # mmengine runs it as a program, but writes none itself
        raise ValueError(
            f'{path} cannot be loaded safely: it holds a program (meta.config), which would run at a resume.'
        )


def candidates(work_dir: str) -> List[Path]:
    """Checkpoints of a run: the one that ``last_checkpoint`` names first, then the others, newest first."""
    folder, found = Path(work_dir), []
    pointer = folder / 'last_checkpoint'
    if pointer.is_file() and pointer.read_text().strip():
        named = Path(pointer.read_text().strip())
        found = [named if named.is_file() else folder / named.name]  # the work dir may have been moved
    others = {
        file
        for place in {folder, *(file.parent for file in found)}
        for file in place.glob('*.pth')
        if not file.name.startswith('best_')
    }
    newest_first = sorted(others, key=lambda file: file.stat().st_mtime, reverse=True)
    return found + [file for file in newest_first if file.resolve() not in [named.resolve() for named in found]]


def newest_checkpoint(work_dir: str) -> Optional[str]:
    """The newest checkpoint of a work dir that is whole; each one that is not is named in a warning.

    Returns:
        str | None: Its path, or None if the work dir has none at all.

    Raises:
        ValueError: There are checkpoints, but none is whole.
    """
    files = candidates(work_dir)
    for file in files:
        try:
            check_resumable(str(file))
            return str(file)
        except (FileNotFoundError, ValueError) as error:
            print_log(f'--resume: {error}. Trying the checkpoint before it.', level=logging.WARNING)
    if files:
        raise ValueError(
            f'--resume: none of the {len(files)} checkpoints in {work_dir} can be read. To start anew, '
            'choose another --work-dir or leave --resume out.'
        )
    return None
