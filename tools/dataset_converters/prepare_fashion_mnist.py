"""Put Fashion-MNIST's four files, unpacked, where mmpretrain looks for them.

They come from --source (.gz files), else from Debian's package dataset-fashion-mnist where it is installed or, as
root, can be installed, else from mmpretrain's own download.
"""

import argparse
import gzip
import os
import shutil
import subprocess
from pathlib import Path

from mmpretrain.datasets import FashionMNIST

DEBIAN = Path('/usr/share/datasets/fashion-mnist')
FILES = [name for name, _ in FashionMNIST.train_list + FashionMNIST.test_list]


def install_debian_package() -> None:
    """Install dataset-fashion-mnist if this is Debian and we may."""
    if os.getuid() != 0 or shutil.which('apt-get') is None:
        return
    print('installing the Debian package dataset-fashion-mnist (30 MB)', flush=True)
    for command in (['apt-get', 'update', '-qq'], ['apt-get', 'install', '-y', '-qq', 'dataset-fashion-mnist']):
        subprocess.run(
            command, check=False, stdout=subprocess.DEVNULL, env=dict(os.environ, DEBIAN_FRONTEND='noninteractive')
        )


def unpack(source: Path, out: Path) -> None:
    """Unpack the .gz files, each under its final name only when it is complete."""
    out.mkdir(parents=True, exist_ok=True)
    for name in FILES:
        part = out / f'{name}.part'
        with gzip.open(source / name) as packed, part.open('wb') as unpacked:
            shutil.copyfileobj(packed, unpacked)
        part.rename(out / name.removesuffix('.gz'))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--out', type=Path, default=Path('data/fashion-mnist'))
    parser.add_argument('--source', type=Path, help='folder that holds the four .gz files')
    args = parser.parse_args()

    if all((args.out / name.removesuffix('.gz')).is_file() for name in FILES):
        print(f'Fashion-MNIST is ready in {args.out}')
        return
    source = args.source or DEBIAN
    if args.source is None and not source.is_dir():
        install_debian_package()
    missing = [name for name in FILES if not (source / name).is_file()]
    if not missing:
        unpack(source, args.out)
    elif args.source is not None:
        parser.error(f'--source {source} lacks {", ".join(missing)}')
    else:
        args.out.mkdir(parents=True, exist_ok=True)
        FashionMNIST(data_root=str(args.out), split='train', download=True)
    print(f'Fashion-MNIST is ready in {args.out}')


if __name__ == '__main__':
    main()
