"""Find out whether the data are there before anything is built."""

import os.path as osp
from typing import Optional

from mmhssakd.datasets.idx_files import check_idx_files
from .keys import places_of

DOWNLOADED = ('MNIST', 'FashionMNIST', 'CIFAR10', 'CIFAR100')  # data sets of mmpretrain that fetch themselves


def check_data(loader: Optional[dict], name: str) -> None:
    """Check that the folders of a data loader exist.

    Args:
        loader (dict, optional): Its config.
        name (str): Its config key, for messages.

    Raises:
        FileNotFoundError: One does not; the message names its config key.
        ValueError: Files of MNIST's format are damaged or do not fit each other.
    """
    for key, dataset in places_of('data_root', loader, name):
        root, kind = dataset['data_root'], dataset.get('type')
        if not root:
            continue
        if kind in ('MNIST', 'FashionMNIST'):
            check_idx_files(root, key)
        elif kind not in DOWNLOADED and '://' not in root and not osp.isdir(root):
            raise FileNotFoundError(
                f'{key}: no such folder: {osp.abspath(root)}. Put or link the data set there, '
                f'or set the key with --cfg-options {key}=FOLDER'
            )
