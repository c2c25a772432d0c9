"""Record what compiled mmcv answers, where it is installed: PYTHONPATH=. python tests/compat/record_operators.py"""

import datetime
import hashlib
import sys
from pathlib import Path

import mmcv
import numpy as np
import torch

import mmhssakd  # noqa: F401
from mmhssakd.compat.operators import in_use

FOLDER = Path(__file__).parents[1] / 'data/operators'


def main() -> None:
    import operator_cases  # after mmhssakd
    import tiny_detector

    if in_use() != 'compiled (mmcv)':
        sys.exit(f'Compiled mmcv is needed, and here are {in_use()}.')
    torch.set_num_threads(1)
    FOLDER.mkdir(parents=True, exist_ok=True)
    for file, found in (('values', operator_cases.cases()), ('two_steps', {'weights': tiny_detector.train})):
        np.savez_compressed(
            FOLDER / f'{file}.npz',
            **{
                f'{case}/{key}': value
                for case, run in found.items()
                for key, value in operator_cases.arrays(run()).items()
            },
        )
    compiled = sys.modules['mmcv._ext'].__file__
    (FOLDER / 'README.md').write_text(
        '# What compiled mmcv answers\n\n'
        '`values.npz`: each case of `tests/compat/operator_cases.py`. `two_steps.npz`: the weights of\n'
        '`tests/compat/tiny_detector.py` after two training steps. Both were written by\n'
        '`tests/compat/record_operators.py`.\n\n'
        f'- date: {datetime.date.today()}\n'
        f'- mmcv {mmcv.__version__}, compiled; torch {torch.__version__}; numpy {np.__version__}; one thread\n'
        f'- sha256 of its `_ext` file: {hashlib.sha256(Path(compiled).read_bytes()).hexdigest()}\n'
    )


if __name__ == '__main__':
    main()
