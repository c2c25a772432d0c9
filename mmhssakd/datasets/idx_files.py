"""Check the files of MNIST and its kin before mmpretrain reads them."""

import math
import os.path as osp


def count(path: str, dimensions: int) -> int:
    """Number of entries of an idx file.

    Raises:
        ValueError: The file is no idx file of bytes, or is not as long as its header says.
    """
    with open(path, 'rb') as file:
        header = file.read(4 + 4 * dimensions)
    sizes = [int.from_bytes(header[i : i + 4], 'big') for i in range(4, len(header), 4)]
    if header[:4] != bytes([0, 0, 8, dimensions]) or len(sizes) != dimensions:
        raise ValueError(f'{path} is no idx file of {dimensions} dimension(s).')
    size, expected = osp.getsize(path), len(header) + math.prod(sizes)
    if size != expected:
        raise ValueError(f'{path} should have {expected} bytes by its header, but has {size}: it is truncated.')
    return sizes[0]


def check_idx_files(root: str, where: str) -> None:
    """Compare images with labels in a folder of the four files; mmpretrain would leave out what the longer has more.

    Raises:
        ValueError: A file is damaged, or there are not as many labels as images; ``where`` is the folder's config key.
    """
    for split in ('train', 't10k'):
        images, labels = (osp.join(root, f'{split}-{part}-ubyte') for part in ('images-idx3', 'labels-idx1'))
        if not (osp.isfile(images) and osp.isfile(labels)):
            continue  # mmpretrain downloads them
        n, m = count(images, 3), count(labels, 1)
        if n != m:
            raise ValueError(f'{where}: {images} holds {n} images, but {labels} holds {m} labels.')
