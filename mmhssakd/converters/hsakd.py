"""Checkpoints of the paper's released code: recognize the network, rename its tensors."""

import re
from typing import Tuple

from mmpretrain.models.backbones.resnet import BasicBlock, Bottleneck, ResNet

from mmhssakd.registry import MODELS
from mmhssakd.weights.checkpoint import Tensors, check_fit


def _branch(m: re.Match) -> str:
    return f'auxiliary_neck.branches.{int(m[1]) - 1}'


# Our names for the released code's, in this order. Our CIFAR networks name their modules as it does, so little is left.
RENAMES = (
    (r'^backbone\.(fc|classifier|linear)\.', 'head.fc.'),
    (r'^backbone\.block(\d)\.layer\.', r'backbone.layer\1.'),  # WRN
    (r'\.(shortcut|convShortcut)\.', '.downsample.'),  # ResNet-50 for CIFAR, WRN
    (r'^auxiliary_classifier\.fc(\d)\.', lambda m: f'{_branch(m)}.fc.'),
    (r'^auxiliary_classifier\.block_extractor(\d)\.', lambda m: f'{_branch(m)}.stages.'),
    (r'^(auxiliary_neck\.branches\.\d\.stages\.\d)\.layer\.', r'\1.'),  # WRN
    # the tail of a branch follows its stages: WRN's batch norm, MobileNetV2's last convolution
    (r'^auxiliary_classifier\.bn(\d)\.', lambda m: f'{_branch(m)}.stages.{(2, 1, 1)[int(m[1]) - 1]}.'),
    (r'^auxiliary_classifier\.conv2_(\d)\.', lambda m: f'{_branch(m)}.stages.{(5, 4, 2, 2)[int(m[1]) - 1]}.'),
)


def _blocks(tensors: Tensors, stage: str) -> int:
    """Number of blocks whose names begin with ``stage.<number>.``."""
    return len({name[len(stage) + 1 :].split('.')[0] for name in tensors if name.startswith(f'{stage}.')})


def four_stage_resnet(tensors: Tensors, stem: int) -> dict:
    """An ImageNet ResNet (7x7 stem), or the same for CIFAR (3x3 stem)."""
    blocks = tuple(_blocks(tensors, f'backbone.layer{i}') for i in (1, 2, 3, 4))
    bottleneck = 'backbone.layer1.0.conv3.weight' in tensors
    for depth, known in ResNet.arch_settings.items():
        if known == (Bottleneck if bottleneck else BasicBlock, blocks):
            return dict(type='ResNet' if stem == 7 else 'ResNet_CIFAR', depth=depth)
    raise ValueError(f'No ResNet is known with {blocks} {"bottleneck" if bottleneck else "basic"} blocks.')


def recognize_backbone(tensors: Tensors) -> dict:
    """Find out which backbone of the released code a state dict belongs to, by names and shapes.

    Returns:
        dict: Its config.

    Raises:
        ValueError: It is none of the known networks.
    """
    shapes = {name.removeprefix('backbone.'): tuple(value.shape) for name, value in tensors.items()}
    if 'block1.layer.0.conv1.weight' in shapes:
        depth, width = 6 * _blocks(tensors, 'backbone.block1.layer') + 4, shapes['block1.layer.0.conv1.weight'][0]
        return dict(type='mmhssakd.CIFARWideResNet', depth=depth, widen_factor=width // 16)
    if 'block0.0.weight' in shapes:
        convs = sum(tensor.ndim == 4 for name, tensor in tensors.items() if name.startswith('backbone.'))
        return dict(type='mmhssakd.CIFARVGG', depth=convs + 3)  # VGG counts three linear layers
    if 'blocks.0.0.conv.0.weight' in shapes:
        width, (hidden, channels) = shapes['conv1.0.weight'][0], shapes['blocks.1.0.conv.0.weight'][:2]
        return dict(type='mmhssakd.CIFARMobileNetV2', widen_factor=width / 32, expand_ratio=hidden // channels)
    if 'layer1.0.conv5.weight' in shapes:
        factor = {24: 0.5, 88: 1.5, 112: 2.0}.get(shapes['layer1.0.conv2.weight'][0], 1.0)
        return dict(type='mmhssakd.CIFARShuffleNetV2', widen_factor=factor)
    if not {'conv1.weight', 'layer1.0.conv1.weight'} <= set(shapes):
        raise ValueError(
            "The network of this checkpoint is none of the released code's. Its tensors are: "
            f'{", ".join(list(tensors)[:8])}, ...'
        )
    stem, width = shapes['conv1.weight'], shapes['layer1.0.conv1.weight'][0]
    if stem[-1] == 1:
        return dict(type='mmhssakd.CIFARShuffleNetV1')
    if 'layer4.0.conv1.weight' in shapes:
        return four_stage_resnet(tensors, stem[-1])
    depth = 6 * _blocks(tensors, 'backbone.layer1') + 2
    return dict(type='mmhssakd.CIFARResNet', depth=depth, stem_channels=stem[0], base_channels=width)


def rename(tensors: Tensors) -> Tensors:
    """Give the tensors of the released code our names."""
    renamed = {}
    for name, value in tensors.items():
        for pattern, replacement in RENAMES:
            name = re.sub(pattern, replacement, name)
        renamed[name] = value
    return renamed


def _import_network(tensors: Tensors) -> Tuple[Tensors, dict]:
    renamed = rename(tensors)
    fc = renamed.get('head.fc.weight')
    if fc is None or 'head.fc.weight' in tensors:
        raise ValueError(
            'This is no checkpoint of the released code: it has no backbone.fc, backbone.classifier '
            f'or backbone.linear. It begins with: {", ".join(list(tensors)[:8])}.'
        )
    model = dict(
        type='mmhssakd.SSAClassifier',
        backbone=recognize_backbone(tensors),
        neck=dict(type='GlobalAveragePooling'),
        head=dict(type='LinearClsHead', num_classes=fc.shape[0], in_channels=fc.shape[1]),
        auxiliary_neck=dict(type='mmhssakd.AuxiliaryNeck'),
    )
    message = f'The checkpoint looks like {model["backbone"]}, but its tensors do not fit.'
    check_fit(MODELS.build(model).state_dict(), renamed, message, limit=None)
    return renamed, model


def import_hsakd(tensors: Tensors) -> Tuple[Tensors, dict]:
    """Convert a state dict of the released code.

    Args:
        tensors (dict): Its state dict: of a student, of a teacher, or of an online pair (``net1.*``, ``net2.*``).

    Returns:
        tuple: Our state dict, and the config of the model that it fits.

    Raises:
        ValueError: Something does not fit; the message lists every unmatched tensor.
    """
    if not all(re.match(r'net\d\.', name) for name in tensors):
        return _import_network(tensors)
    converted, peers = {}, []
    for i, net in enumerate(sorted({name.split('.')[0] for name in tensors})):
        own = {name.removeprefix(f'{net}.'): value for name, value in tensors.items() if name.startswith(f'{net}.')}
        state, model = _import_network(own)
        converted.update({f'peers.{i}.{name}': value for name, value in state.items()})
        peers.append(model)
    return converted, dict(type='mmhssakd.OnlineHSSAKD', peers=peers)
