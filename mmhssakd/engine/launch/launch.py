"""From a command line to the config that a runner is built from."""

import argparse
import os
import os.path as osp
import tempfile

from mmengine.config import Config

from .amp import use_amp
from .config import read_config
from .data import check_data, check_normalized_once, find_classes
from .keys import check_keys
from .teacher import check_teacher


def launch_config(args: argparse.Namespace, *loaders: str) -> Config:
    """Read the config that a tool is given, and make every edit that must come before the runner is built.

    Args:
        args (Namespace): Options named as in mmpretrain's and mmdet's tools. A tool need not have those of training.
        *loaders (str): Names of the data loaders that the tool uses.

    Raises:
        FileNotFoundError: The config file, a data folder that it names, or the teacher's checkpoint does not exist.
        KeyError: A key of the config, or of the options, is misspelt.
        OSError: The work dir cannot be written to.
        ValueError: Data files are damaged, images are normalized twice, or mixed precision cannot be had.
    """
    given = vars(args)
    cfg = read_config(args.config, args.cfg_options)
    check_keys(cfg)
    name_runner(cfg)
    cfg.launcher = args.launcher
    cfg.work_dir = choose_work_dir(cfg, args)
    if given.get('no_validate'):
        cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
    if given.get('amp'):
        use_amp(cfg)
    if given.get('auto_scale_lr'):
        scale_lr(cfg)
    if given.get('resume'):
        cfg.resume, cfg.load_from = True, None if args.resume == 'auto' else args.resume
    if given.get('checkpoint'):
        cfg.load_from = args.checkpoint
    for name in loaders:
        fill_loader(cfg, name, args)
    check_data(cfg, loaders)
    check_normalized_once(cfg)
    find_classes(cfg, loaders)
    if 'train_teacher' in given:
        check_teacher(cfg, args.config)
    return cfg


def name_runner(cfg: Config) -> None:
    """Run somebody else's config by our runner, too."""
    if '.' not in cfg.setdefault('runner_type', 'Runner'):
        cfg.runner_type = f'mmhssakd.{cfg.runner_type}'


def choose_work_dir(cfg: Config, args: argparse.Namespace) -> str:
    """Make the work dir, and a file in it.

    Raises:
        OSError: It cannot be done; the message says why.
    """
    name = osp.splitext(osp.basename(args.config))[0]
    work_dir = args.work_dir or cfg.get('work_dir') or osp.join('work_dirs', name)
    try:
        os.makedirs(work_dir, exist_ok=True)
        with tempfile.TemporaryFile(dir=work_dir):
            pass
    except OSError as error:
        raise type(error)(
            f'--work-dir: cannot write to {osp.abspath(work_dir)}: {error.strerror}. Choose another '
            'folder, or make room or ask for permission there.'
        ) from None
    return work_dir


def scale_lr(cfg: Config) -> None:
    """Turn on the scaling of the learning rate."""
    if 'base_batch_size' not in cfg.get('auto_scale_lr', {}):
        raise KeyError(f'{cfg.filename} has no auto_scale_lr.base_batch_size, which --auto-scale-lr needs.')
    cfg.auto_scale_lr.enable = True


def fill_loader(cfg: Config, name: str, args: argparse.Namespace) -> None:
    """Give a data loader the defaults of mmpretrain's tools."""
    loader = cfg.get(name)
    if loader is None:
        return
    loader.setdefault('pin_memory', not args.no_pin_memory)
    workers = loader.get('num_workers', 0) > 0  # torch refuses persistent ones where there are none
    loader.persistent_workers = workers and not args.no_persistent_workers
    if cfg.get('default_scope') == 'mmpretrain':
        loader.setdefault('collate_fn', dict(type='default_collate'))
