"""Put Fashion-MNIST's four files, unpacked, where mmpretrain looks for them.

They come from --source (the .gz files), else from Debian's package dataset-fashion-mnist if it is installed, else from
the data set's own site, else from that package, which is downloaded but not installed.
"""

import argparse
import gzip
import os
import shutil
import socket
import subprocess
import tempfile
import zlib
from pathlib import Path

from mmpretrain.datasets import FashionMNIST

PACKAGE = 'dataset-fashion-mnist'
APT = ['apt-get', '-qq', '-o', 'APT::Sandbox::User=root', '-o', 'Acquire::http::Timeout=10', '-o', 'Acquire::Retries=1']
INSTALLED = Path('/usr/share/datasets/fashion-mnist')
FILES = [name for name, _ in FashionMNIST.train_list + FashionMNIST.test_list]


def from_site(out: Path) -> bool:
    """Let mmpretrain download and check the files; False if the site does not answer within 10 seconds."""
    socket.setdefaulttimeout(10)
    try:
        FashionMNIST(data_root=str(out), split='train', download=True)
    except (OSError, RuntimeError) as error:  # no answer; a wrong checksum
        print(f'Fashion-MNIST cannot be had from its own site ({error})', flush=True)
        return False
    return True


def from_debian(out: Path) -> bool:
    """Download Debian's package and unpack it, in a folder of its own: nothing is installed, no root is needed."""
    if not all(map(shutil.which, ('apt-get', 'dpkg-deb'))):
        return False
    with tempfile.TemporaryDirectory() as folder:
        for name in ('lists/partial', 'cache/archives/partial'):
            os.makedirs(os.path.join(folder, name))
        own = ['-o', f'Dir::State::Lists={folder}/lists', '-o', f'Dir::Cache={folder}/cache']
        for command in (['download', PACKAGE], [*own, 'update'], [*own, 'download', PACKAGE]):
            done = subprocess.run(
                [*APT, *command], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
            )
            if 'update' not in command and not done.returncode:
                break  # the lists that the system has were enough
        packages = list(Path(folder).glob(f'{PACKAGE}_*.deb'))
        if not packages:
            print(f'the Debian package {PACKAGE} cannot be downloaded: {done.stdout.strip()[-300:]}', flush=True)
            return False
        subprocess.run(['dpkg-deb', '-x', packages[0], folder], check=True)
        unpack(Path(folder) / INSTALLED.relative_to('/'), out)
    return True


def unpack(source: Path, out: Path) -> None:
    """Unpack the .gz files, each under its final name only when it is complete."""
    out.mkdir(parents=True, exist_ok=True)
    for name in FILES:
        part = out / f'{name}.part'
        try:
            with gzip.open(source / name) as packed, part.open('wb') as unpacked:
                shutil.copyfileobj(packed, unpacked)
                if not unpacked.tell():
                    raise EOFError('it is empty')
        except (OSError, EOFError, zlib.error) as error:
            raise SystemExit(f'cannot unpack {source / name} to {part}: {error}') from None
        part.rename(out / name.removesuffix('.gz'))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--out', type=Path, default=Path('data/fashion-mnist'))
    parser.add_argument('--source', type=Path, help='folder that holds the four .gz files')
    args = parser.parse_args()

    if all((args.out / name.removesuffix('.gz')).is_file() for name in FILES):
        print(f'Fashion-MNIST is ready in {args.out}')
        return
    source = args.source or INSTALLED
    missing = [name for name in FILES if not (source / name).is_file()]
    if args.source and missing:
        parser.error(f'--source {source} lacks {", ".join(missing)}')
    args.out.mkdir(parents=True, exist_ok=True)
    if not missing:
        unpack(source, args.out)
        way = str(source)
    elif from_site(args.out):
        way = 'its own site'
    elif from_debian(args.out):
        way = f'the Debian package {PACKAGE}, which was unpacked and not installed'
    else:
        parser.error(
            f'Fashion-MNIST cannot be had here: put its files {", ".join(FILES)} into a folder and give --source'
        )
    print(f'Fashion-MNIST is ready in {args.out}, from {way}')


if __name__ == '__main__':
    main()
