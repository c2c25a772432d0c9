"""Files in Fashion-MNIST's format, for tests that need a few images and not the whole set."""

import gzip
from pathlib import Path

import numpy as np


def write_split(folder: Path, name: str, images: np.ndarray, labels: np.ndarray, packed: bool = False) -> None:
    """Write the two idx files of ``train`` or ``t10k``; ``packed`` as .gz, as they are distributed."""
    for kind, array in (('images', images), ('labels', labels)):
        header = bytes([0, 0, 8, array.ndim]) + b''.join(size.to_bytes(4, 'big') for size in array.shape)
        content = header + array.astype(np.uint8).tobytes()
        file = folder / f'{name}-{kind}-idx{array.ndim}-ubyte'
        if packed:
            Path(f'{file}.gz').write_bytes(gzip.compress(content))
        else:
            file.write_bytes(content)


def make_fashion(folder: Path, train: int = 120, test: int = 60, packed: bool = False) -> Path:
    """Write random images, labels 0 to 9 in turn."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.RandomState(0)
    for name, count in (('train', train), ('t10k', test)):
        write_split(folder, name, rng.randint(0, 255, (count, 28, 28)), np.arange(count) % 10, packed)
    return folder
