"""Build a frozen teacher from a config and a checkpoint."""

import os.path as osp
from typing import Union

import torch.nn as nn
from mmengine.config import Config
from mmengine.hub import get_config
from mmpretrain.models import ImageClassifier

from mmhssakd.models.classifiers import SSAClassifier
from mmhssakd.registry import MODELS
from mmhssakd.utils.checkpoint import load_weights


def read_model_config(config: Union[str, dict]) -> dict:
    """Get the model's config from a config file, one of a package (``mmpretrain::...``), a config, or a model's config.

    Raises:
        FileNotFoundError: The config file does not exist.
        TypeError: It is something else, or has no ``model``.
    """
    if isinstance(config, str) and '::' in config:
        config = get_config(config)
    elif isinstance(config, str):
        if not osp.isfile(config):
            raise FileNotFoundError(f'model.teacher.config: no such config file: {config}')
        config = Config.fromfile(config)
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
    model = {k: v for k, v in read_model_config(config).items() if k not in ('init_cfg', 'pretrained', 'teacher')}
    teacher = MODELS.build(model)
    if not isinstance(teacher, ImageClassifier):
        raise TypeError(f'model.teacher.config must describe an image classifier, but got {type(teacher).__name__}.')
    if teacher.head.num_classes != num_classes:
        raise ValueError(
            f'The teacher has {teacher.head.num_classes} classes, the student has {num_classes}: '
            'model.teacher.config and model.head.num_classes must agree.'
        )
    load_weights(
        teacher,
        checkpoint,
        where='model.teacher.checkpoint',
        ignore=() if isinstance(teacher, SSAClassifier) else ('auxiliary_neck.',),
    )
    return freeze(teacher)


def freeze(module: nn.Module) -> nn.Module:
    """Put a module in eval mode, without gradients."""
    return module.requires_grad_(False).eval()
