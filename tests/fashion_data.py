"""Fashion-MNIST in small, for tests that need a few images and not the whole set."""

import gzip
import struct
from pathlib import Path

import numpy as np


def make_fashion(folder: Path, train: int = 120, test: int = 60, packed: bool = False) -> Path:
    """Write the four files with random images, labels 0 to 9 in turn; ``packed`` as .gz, as they are distributed."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.RandomState(0)
    for name, count in (('train', train), ('t10k', test)):
        images = rng.randint(0, 255, (count, 28, 28)).astype(np.uint8)
        labels = bytes(i % 10 for i in range(count))
        files = {
            'images-idx3': struct.pack('>BBBBIII', 0, 0, 8, 3, *images.shape) + images.tobytes(),
            'labels-idx1': struct.pack('>BBBBI', 0, 0, 8, 1, count) + labels,
        }
        for kind, content in files.items():
            file = f'{name}-{kind}-ubyte'
            if packed:
                (folder / f'{file}.gz').write_bytes(gzip.compress(content))
            else:
                (folder / file).write_bytes(content)
    return folder
