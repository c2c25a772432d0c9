"""Read damaged copies of checkpoints: none of those that have checksums may load with other values.

    python tests/slow/fuzz_checkpoints.py --copies 10000

The copies are cut, bits are flipped, bytes are zeroed or random; the same ones for the same seed.
"""

import argparse
import logging
import sys
import tempfile
import warnings
from pathlib import Path

from mmengine.logging import MMLogger

sys.path.insert(0, str(Path(__file__).parents[1] / 'helpers'))
import damage  # noqa: E402

FORMATS = dict(pth='zip, with checksums', pkl='old pickle', safetensors='safetensors')


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--copies', type=int, default=10000, help='of each format')
    parser.add_argument('--seed', type=int, default=0)
    args = parser.parse_args()
    MMLogger.get_instance('fuzz', log_level=logging.ERROR)
    warnings.simplefilter('ignore')
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        for suffix, name in FORMATS.items():
            outcomes = damage.fuzz(Path(folder) / f'file.{suffix}', args.copies, args.seed)
            failed |= not set(outcomes) <= {'refused', 'same', *([] if suffix == 'pth' else ['other'])}
            print(f'{name}: {", ".join(f"{count} {what}" for what, count in outcomes.most_common())}', flush=True)
    sys.exit(failed)


if __name__ == '__main__':
    main()
