"""Read damaged inputs of every kind: each is refused with one of our messages, or read with values that make sense.

    python tests/slow/fuzz_inputs.py --count 1000

Files are cut, their bits flipped, their words exchanged; the same ones for the same seed. What has checksums may never be
read with other values. fuzz_checkpoints.py does so with checkpoints.
"""

import argparse
import logging
import os
import sys
import tempfile
import warnings
from pathlib import Path

from mmengine.logging import MMLogger

sys.path.insert(0, str(Path(__file__).parents[1] / 'helpers'))
import fuzzing  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--count', type=int, default=1000, help='of each kind')
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--kinds', nargs='+', choices=fuzzing.KINDS, default=list(fuzzing.KINDS))
    args = parser.parse_args()
    MMLogger.get_instance('fuzz', log_level=logging.ERROR)
    warnings.simplefilter('ignore')
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # where libjpeg complains
    failed = False
    for name in args.kinds:
        with tempfile.TemporaryDirectory() as folder:
            outcomes = fuzzing.fuzz(name, Path(folder), args.count, args.seed)
        failed |= not set(outcomes) <= {'refused', 'same', 'other'}
        print(f'{name}: {", ".join(f"{count} {what}" for what, count in outcomes.most_common())}', flush=True)
    sys.exit(failed)


if __name__ == '__main__':
    main()
