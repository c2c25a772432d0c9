"""The teacher that a student's config names: train it first, or say how to get it."""

import argparse
import logging
import os.path as osp
import sys
from typing import Optional

from mmengine.config import Config
from mmengine.logging import print_log

from .config import read_config

# Options of a student's run that are its teacher's, too: where the data and the machine are, not what is trained.
SHARED = ('data_root', 'train_dataloader.', 'val_dataloader.', 'default_hooks.', 'env_cfg.', 'randomness.')


def missing_teacher(cfg: Config) -> Optional[str]:
    """Path of the checkpoint of a student's teacher, if it is not there."""
    teacher = (cfg.get('model') or {}).get('teacher') or {}
    path = teacher.get('checkpoint')
    return path if isinstance(path, str) and '://' not in path and not osp.isfile(path) else None


def teacher_run(args: argparse.Namespace) -> Optional[argparse.Namespace]:
    """Options of the run that trains a student's missing teacher, under the same launcher.

    It goes on from the newest checkpoint in the folder of ``model.teacher.checkpoint``.

    Args:
        args (Namespace): Options of the student's run.

    Returns:
        Namespace | None: None if the teacher is there, or there is none to train.

    Raises:
        ValueError: The teacher's config does not write the checkpoint that the student asks for.
    """
    cfg = read_config(args.config, args.cfg_options)
    checkpoint = missing_teacher(cfg)
    if checkpoint is None:
        return None
    config = cfg.model.teacher.config
    if not (isinstance(config, str) and osp.isfile(config)):
        raise ValueError(f'--train-teacher: model.teacher.config must be a config file to train, but is {config!r}.')
    epochs = Config.fromfile(config).train_cfg.get('max_epochs')
    if epochs and osp.basename(checkpoint) != f'epoch_{epochs}.pth':
        raise ValueError(
            f'--train-teacher: {config} trains {epochs} epochs and writes epoch_{epochs}.pth, but '
            f'model.teacher.checkpoint is {checkpoint}. Let them agree.'
        )
    options = {key: value for key, value in (args.cfg_options or {}).items() if key.startswith(SHARED)}
    print_log(f'{checkpoint} is not there: its config, {config}, is trained first.', level=logging.INFO)
    run = dict(vars(args), config=config, work_dir=osp.dirname(checkpoint), resume='auto', cfg_options=options)
    return argparse.Namespace(**run)


def check_teacher(cfg: Config, file: str) -> None:
    """Say how to get a teacher that is not there, before anything is built.

    Args:
        cfg (Config): The student's config.
        file (str): Its file.

    Raises:
        FileNotFoundError: The teacher's checkpoint is missing; the message has the commands.
    """
    checkpoint = missing_teacher(cfg)
    if checkpoint is None:
        return
    config, start = cfg.model.teacher.get('config'), f'python {sys.argv[0]}'
    if isinstance(config, str) and '::' not in config and not osp.isfile(config):
        raise FileNotFoundError(f'model.teacher.config: no such config file: {config}')
    lines = [f'model.teacher.checkpoint: no such checkpoint: {checkpoint}. Get one in one of these ways:']
    if isinstance(config, str) and osp.isfile(config):
        lines.append(f'- train the teacher, then the student:\n    {start} {file} --train-teacher')
        if frozen := frozen_sibling(config):
            name = osp.splitext(osp.basename(frozen))[0]
            last = f'work_dirs/{name}/epoch_{Config.fromfile(frozen).train_cfg.get("max_epochs")}.pth'
            lines.append(
                '- sooner, train only the branches of a teacher that keeps its published weights:\n'
                f'    {start} {file} --train-teacher --cfg-options model.teacher.config={frozen} '
                f'model.teacher.checkpoint={last}'
            )
    lines.append(
        "- import a checkpoint of the authors' code:\n"
        f'    python tools/model_converters/import_hsakd.py SRC.pth {checkpoint}'
    )
    lines.append(f'- name one that is there:\n    {start} {file} --cfg-options model.teacher.checkpoint=PATH')
    raise FileNotFoundError('\n'.join(lines))


def frozen_sibling(config: str) -> Optional[str]:
    """The config beside a teacher's that trains its branches alone: ``teacher_<network>_frozen[_<data>].py``."""
    parts = osp.splitext(osp.basename(config))[0].split('_')
    name = '_'.join([*parts[:2], 'frozen', *parts[2:]]) + '.py'
    path = osp.relpath(osp.join(osp.dirname(config), name))
    return path if 'frozen' not in parts and osp.isfile(path) else None
