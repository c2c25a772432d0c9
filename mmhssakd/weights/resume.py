"""Find the checkpoint that a run can go on from."""

import logging
from pathlib import Path
from typing import List, Optional, Union

from mmengine.logging import print_log

from .checkpoint import read_checkpoint

PARTS = ('meta', 'state_dict', 'optimizer', 'message_hub')


def check_resumable(path: str) -> None:
    """Find out, under torch's safe loading, whether a run can go on from a checkpoint.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is damaged, holds more than plain data, or is no checkpoint of a run.
    """
    try:
        content = read_checkpoint(path, '--resume', map_location='meta')
    except ValueError as error:
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


def named_checkpoint(work_dir: Union[str, Path]) -> Optional[Path]:
    """The checkpoint that ``last_checkpoint`` names, also after the work dir was moved; None if there is none."""
    pointer = Path(work_dir) / 'last_checkpoint'
    written = Path(pointer.read_text().strip() if pointer.is_file() else '')
    return next((file for file in (pointer.parent / written.name, written) if file.is_file()), None)


def candidates(work_dir: str) -> List[Path]:
    """Checkpoints of a run: the one that ``last_checkpoint`` names first, then the others, newest first."""
    named = named_checkpoint(work_dir)
    places = [Path(work_dir), named.parent] if named else [Path(work_dir)]
    files = {file for place in places for file in place.resolve().glob('*.pth') if not file.name.startswith('best_')}
    return sorted(files, key=lambda file: (file == (named and named.resolve()), file.stat().st_mtime), reverse=True)


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
        except (OSError, ValueError) as error:
            print_log(f'--resume: {error}. Trying the checkpoint before it.', level=logging.WARNING)
    if files:
        raise ValueError(
            f'--resume: none of the {len(files)} checkpoints in {work_dir} can be read. To start anew, '
            'choose another --work-dir or leave --resume out.'
        )
    return None
