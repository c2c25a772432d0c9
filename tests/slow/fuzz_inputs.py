"""Read damaged inputs of every kind: each is refused with one of our messages, or read with values that make sense.

    python tests/slow/fuzz_inputs.py --count 1000

Files are cut, their bits flipped, their words exchanged; the same ones for the same seed. What has checksums may never
be read with other values. Command lines have their options in any order, every second one with a fault.
fuzz_checkpoints.py does so with checkpoints.
"""

import argparse
import logging
import os
import sys
import tempfile
import warnings
from pathlib import Path

from mmengine.logging import MMLogger

for part in ('tests/helpers', 'tools', '.'):
    sys.path.insert(0, str(Path(__file__).parents[2] / part))
import command_lines  # noqa: E402
import fuzzing  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--count', type=int, default=1000, help='of each kind')
    parser.add_argument('--seed', type=int, default=0)
    kinds = dict.fromkeys([*fuzzing.KINDS, 'command lines'])
    parser.add_argument('--kinds', nargs='+', choices=kinds, default=kinds)
    args = parser.parse_args()
    MMLogger.get_instance('fuzz', log_level=logging.ERROR)
    warnings.simplefilter('ignore')
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # where libjpeg complains
    failed = False
    for name in args.kinds:
        with tempfile.TemporaryDirectory() as folder:
            if name in fuzzing.KINDS:
                outcomes = fuzzing.fuzz(name, Path(folder), args.count, args.seed)
            else:
                outcomes = command_lines.fuzz(args.count, args.seed)
        failed |= not set(outcomes) <= {'refused', 'same', 'other'}
        print(f'{name}: {", ".join(f"{count} {what}" for what, count in outcomes.most_common())}', flush=True)
    sys.exit(failed)


if __name__ == '__main__':
    main()
