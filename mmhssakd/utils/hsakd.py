"""Checkpoints of the paper's released code: recognise the network, rename its tensors."""
import re
from typing import Dict, Tuple

import torch

from .checkpoint import compare

Tensors = Dict[str, torch.Tensor]

# What holds for every network of the released code.
RENAMES = (
    (r'^backbone\.(fc|classifier|linear)\.', 'head.fc.'),
    (r'^auxiliary_classifier\.fc(\d+)\.', lambda m: f'auxiliary_neck.branches.{int(m[1]) - 1}.fc.'),
    (r'^auxiliary_classifier\.block_extractor(\d+)\.', lambda m: f'auxiliary_neck.branches.{int(m[1]) - 1}.stages.'),
)


def _blocks(tensors: Tensors, stage: str) -> int:
    """Number of blocks whose names begin with ``stage.<number>.``."""
    return len({name[len(stage) + 1:].split('.')[0] for name in tensors if name.startswith(f'{stage}.')})


def imagenet_resnet(tensors: Tensors) -> dict:
    """Config of an ImageNet ResNet, from the number of blocks and their convolutions."""
    blocks = tuple(_blocks(tensors, f'backbone.layer{i}') for i in (1, 2, 3, 4))
    bottleneck = 'backbone.layer1.0.conv3.weight' in tensors
    depths = {(2, 2, 2, 2, False): 18, (3, 4, 6, 3, False): 34, (3, 4, 6, 3, True): 50, (3, 4, 23, 3, True): 101,
              (3, 8, 36, 3, True): 152}
    if (*blocks, bottleneck) not in depths:
        raise ValueError(f'No ResNet is known with {blocks} {"bottleneck" if bottleneck else "basic"} blocks.')
    return dict(
        backbone=dict(type='ResNet', depth=depths[(*blocks, bottleneck)]),
        auxiliary_neck=dict(taps=('layer1', 'layer2', 'layer3', 'layer4')))


def recognise(tensors: Tensors) -> dict:
    """Find out which network of the released code a state dict belongs to.

    Returns:
        dict: Config of the :class:`SSAClassifier` that it fits.

    Raises:
        ValueError: It is none of the known networks.
    """
    stem = tensors.get('backbone.conv1.weight')
    fc = next((tensors[f'backbone.{name}.weight'] for name in ('fc', 'classifier', 'linear')
               if f'backbone.{name}.weight' in tensors), None)
    if fc is None:
        raise ValueError('This is no checkpoint of the released code: it has no backbone.fc, backbone.classifier '
                         f'or backbone.linear. It begins with: {", ".join(list(tensors)[:8])}.')
    if stem is not None and stem.shape[-1] == 7:
        model = imagenet_resnet(tensors)
    else:
        raise ValueError('The network of this checkpoint is not known.')
    return dict(
        type='SSAClassifier',
        neck=dict(type='GlobalAveragePooling'),
        head=dict(type='LinearClsHead', num_classes=fc.shape[0], in_channels=fc.shape[1]),
        **model)


def rename(tensors: Tensors) -> Tensors:
    """Give the tensors of the released code our names."""
    renamed = {}
    for name, value in tensors.items():
        for pattern, replacement in RENAMES:
            name = re.sub(pattern, replacement, name)
        renamed[name] = value
    return renamed


def import_hsakd(tensors: Tensors) -> Tuple[Tensors, dict]:
    """Convert a state dict of the released code.

    Args:
        tensors (dict): Its state dict, of a student or a teacher.

    Returns:
        tuple: Our state dict, and the config of the model that it fits.

    Raises:
        ValueError: Something does not fit; the message lists every unmatched tensor.
    """
    from mmhssakd.registry import MODELS
    tensors = {name.removeprefix('module.'): value for name, value in tensors.items()}
    model = recognise(tensors)
    renamed = rename(tensors)
    difference = compare(MODELS.build(model).state_dict(), renamed)
    if difference:
        raise ValueError(f'The checkpoint looks like {model["backbone"]}, but its tensors do not fit.\n{difference}')
    return renamed, model
