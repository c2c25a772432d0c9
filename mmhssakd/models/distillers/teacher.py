"""Build a frozen teacher from a config and a checkpoint."""

import logging
import os.path as osp
from typing import Optional, Sequence, Tuple, Union

import torch
from mmengine.config import Config
from mmengine.hub import get_config
from mmengine.logging import print_log
from mmpretrain.models import ImageClassifier

from mmhssakd.models.classifiers import SSAClassifier
from mmhssakd.registry import MODELS
from mmhssakd.weights.checkpoint import load_weights


def read_config(config: Union[str, dict]) -> Union[Config, dict]:
    """Read a config file, or one of a package (``mmpretrain::...``); anything else is returned as it is.

    Raises:
        FileNotFoundError: The config file does not exist.
    """
    if not isinstance(config, str):
        return config
    if '::' in config:
        return get_config(config)
    if not osp.isfile(config):
        raise FileNotFoundError(f'model.teacher.config: no such config file: {config}')
    return Config.fromfile(config)


def read_model_config(config: Union[str, dict]) -> dict:
    """Get the model's config from what :func:`read_config` reads, from a config, or from a model's config.

    Raises:
        FileNotFoundError: The config file does not exist.
        TypeError: It is something else, or has no ``model``.
    """
    config = read_config(config)
    if isinstance(config, (dict, Config)) and 'model' in config and 'type' not in config:
        model = config['model'].copy()
        # as Runner does: the preprocessor may stand at the top of a config
        model.setdefault('data_preprocessor', config.get('data_preprocessor'))
        return model
    if not (isinstance(config, dict) and 'type' in config):
        raise TypeError(
            f'model.teacher.config must be a config file with a model, or a model dict with a type, but got {config!r}.'
        )
    return config


def build_teacher(config: Union[str, dict], checkpoint: str, num_classes: int) -> ImageClassifier:
    """Build a teacher, load all of its weights, freeze it in eval mode.

    Args:
        config (str | dict): Config file, or model config, of an ``ImageClassifier`` or ``SSAClassifier``.
        checkpoint (str): Its checkpoint: a path or URL.
        num_classes (int): The student's number of classes.

    Raises:
        FileNotFoundError: Config file or checkpoint does not exist.
        ValueError: The teacher has another number of classes, or the checkpoint does not fit its architecture.
    """
    whole = read_config(config)
    model = {k: v for k, v in read_model_config(whole).items() if k not in ('init_cfg', 'pretrained', 'teacher')}
    teacher = MODELS.build(model)
    if not isinstance(teacher, ImageClassifier):
        raise TypeError(f'model.teacher.config must describe an image classifier, but got {type(teacher).__name__}.')
    if teacher.head.num_classes != num_classes:
        raise ValueError(
            f'The teacher has {teacher.head.num_classes} classes, the student has {num_classes}: '
            'model.teacher.config and model.head.num_classes must agree.'
        )
    meta = load_weights(teacher, checkpoint, where='model.teacher.checkpoint')
    if isinstance(config, str) and '::' not in config:
        warn_of_half_trained((whole.get('train_cfg') or {}).get('max_epochs'), checkpoint, meta)
    return teacher.requires_grad_(False).eval()


def teacher_dtype(config: Optional[dict]) -> Optional[torch.dtype]:
    """The data type of a teacher's own mixed precision, if its config names one.

    Raises:
        ValueError: It is neither bfloat16 nor float16.
    """
    name = (config or {}).get('dtype')
    if name not in (None, 'bfloat16', 'float16'):
        raise ValueError(f"model.teacher.dtype must be 'bfloat16' or 'float16', but got {name!r}.")
    return name and getattr(torch, name)


def warn_of_half_trained(epochs: Optional[int], checkpoint: str, meta: dict) -> None:
    """Warn of a checkpoint that was written before the last epoch, unless it was chosen as the best."""
    if epochs and meta.get('epoch', epochs) < epochs and not osp.basename(checkpoint).startswith('best_'):
        print_log(
            f'model.teacher.checkpoint: {checkpoint} is of epoch {meta["epoch"]} of {epochs}: this teacher is half '
            'trained. Finish its training first (tools/train.py with --resume, or --train-teacher).',
            logger='current',
            level=logging.WARNING,
        )


def match_branches(
    student: SSAClassifier, teacher: ImageClassifier, branch_map: Optional[Sequence[int]]
) -> Tuple[int, ...]:
    """For each of the student's branches the teacher's that it mimics, by default the one of the same number.

    Raises:
        ValueError: The teacher lacks branches, or was trained on other views.
    """
    if student.auxiliary_neck is None:
        return ()
    branches = len(student.auxiliary_neck.branches)
    teacher_neck = getattr(teacher, 'auxiliary_neck', None)
    available = 0 if teacher_neck is None else len(teacher_neck.branches)
    if branch_map is None and available != branches:
        raise ValueError(
            f'The teacher has {available} auxiliary branches, the student has {branches}: give '
            'model.auxiliary_neck and the model of model.teacher.config the same number of taps, or say with '
            f"model.branch_map which of the teacher's (0 .. {available - 1}) each of the student's mimics."
        )
    branch_map = tuple(range(branches) if branch_map is None else branch_map)
    if len(branch_map) != branches or not all(i in range(available) for i in branch_map):
        raise ValueError(
            f"model.branch_map={branch_map} must name one of the teacher's branches "
            f"0 .. {available - 1} for each of the student's {branches}."
        )
    if teacher.num_views != student.num_views:
        raise ValueError(
            f'The teacher was trained on {teacher.num_views} views, the student has '
            f'{student.num_views}: model.views must be the same for both.'
        )
    return branch_map
