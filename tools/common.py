"""What train.py and test.py share: options, and merging them into a config."""

import argparse
import os
import os.path as osp
import tempfile
from typing import Tuple

from mmengine.config import Config, ConfigDict, DictAction

from mmhssakd.datasets.idx_files import check_idx_files
from mmhssakd.engine.config_keys import check_keys, check_options, places_of
from mmhssakd.engine.cpu import prepare_distributed
from mmhssakd.engine.detector_config import spread_options


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that every run has, named as in mmpretrain and mmdet."""
    parser.add_argument('config', help='config file')
    parser.add_argument('--work-dir', help='folder for logs and checkpoints (default: work_dirs/<config name>)')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        help='settings that replace those of the config, as key=value; lists as key="[a,b]"',
    )
    parser.add_argument('--launcher', choices=['none', 'pytorch', 'slurm', 'mpi'], default='none', help='job launcher')
    parser.add_argument('--no-pin-memory', action='store_true', help='do not pin memory in the data loaders')
    parser.add_argument('--no-persistent-workers', action='store_true', help='restart data workers each epoch')
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0, help='set by launchers')


def load_config(args: argparse.Namespace, loaders: Tuple[str, ...]) -> Config:
    """Read the config and merge the common options; data loaders get mmpretrain's defaults.

    Raises:
        FileNotFoundError: The config file, or a data folder that it names, does not exist.
        KeyError: A key of the config, or of the options, is misspelt.
        OSError: The work dir cannot be written to.
        ValueError: Data files are damaged.
    """
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    if not osp.isfile(args.config):
        raise FileNotFoundError(f'no such config file: {args.config}')
    cfg = Config.fromfile(args.config)
    if args.cfg_options is not None:
        check_options(cfg, args.cfg_options)
        data_root = cfg.get('data_root')
        cfg.merge_from_dict(args.cfg_options)
        spread_options(cfg, args.cfg_options, data_root)
    check_keys(cfg)
    cfg.launcher = args.launcher
    cfg.work_dir = (
        args.work_dir or cfg.get('work_dir') or osp.join('work_dirs', osp.splitext(osp.basename(args.config))[0])
    )
    check_work_dir(cfg.work_dir)
    for name in loaders:
        loader = cfg.get(name)
        if loader is not None:
            loader.setdefault('pin_memory', not args.no_pin_memory)
            workers = loader.get('num_workers', 0) > 0  # torch refuses persistent ones where there are none
            loader.persistent_workers = workers and not args.no_persistent_workers
            if cfg.get('default_scope') == 'mmpretrain':
                loader.setdefault('collate_fn', ConfigDict(type='default_collate'))
            check_data(loader, name)
    prepare_distributed(cfg)
    return cfg


def check_work_dir(work_dir: str) -> None:
    """Make the work dir, and a file in it.

    Raises:
        OSError: It cannot be done; the message says why.
    """
    try:
        os.makedirs(work_dir, exist_ok=True)
        with tempfile.TemporaryFile(dir=work_dir):
            pass
    except OSError as error:
        raise type(error)(
            f'--work-dir: cannot write to {osp.abspath(work_dir)}: {error.strerror}. Choose another '
            'folder, or make room or ask for permission there.'
        ) from None


DOWNLOADED = ('MNIST', 'FashionMNIST', 'CIFAR10', 'CIFAR100')  # data sets of mmpretrain that fetch themselves


def check_data(loader: dict, name: str) -> None:
    """Check that the folders of a data loader exist.

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
