"""A backbone's tensors under the names that other libraries give them."""

import torch
import torchvision

from mmhssakd.weights.checkpoint import Tensors, check_fit
from .hsakd import four_stage_resnet

FORMATS = ('mmpretrain', 'torchvision', 'timm')


def export_backbone(tensors: Tensors, fmt: str) -> Tensors:
    """Take the backbone out of a checkpoint and rename its tensors for a library.

    Args:
        tensors (dict): State dict of a classifier or a detector: the backbone's names begin with ``backbone.``.
        fmt (str): 'mmpretrain' keeps the names with their prefix, as mmpretrain's and mmdet's
            ``init_cfg=dict(type='Pretrained', prefix='backbone.')`` wants them. 'torchvision' and 'timm' are for
            ``resnet18`` to ``resnet152`` without their ``fc``; 'timm' also takes mmpretrain's ``TIMMBackbone``.

    Returns:
        dict: Contiguous tensors by name.

    Raises:
        ValueError: There is no backbone, or the library has no network of its kind.
    """
    backbone = {name: value.contiguous() for name, value in tensors.items() if name.startswith('backbone.')}
    if not backbone:
        prefixes = sorted({name.split('.')[0] + '.' for name in tensors})
        raise ValueError(
            f"The checkpoint has no tensor that begins with 'backbone.'. Its names begin with: {', '.join(prefixes)}"
        )
    if fmt == 'mmpretrain':
        return backbone
    bare = {name.removeprefix('backbone.'): value for name, value in backbone.items()}
    if fmt == 'timm' and all(name.startswith('timm_model.') for name in bare):
        return {name.removeprefix('timm_model.'): value for name, value in bare.items()}
    return torchvision_resnet(bare, fmt)


def resnet_name(bare: Tensors) -> str:
    """Torchvision's and timm's name of a ResNet's tensors; 'NAME' for another network's."""
    try:
        config = four_stage_resnet({f'backbone.{name}': value for name, value in bare.items()}, stem=7)
    except ValueError:
        return 'NAME'
    return f'resnet{config["depth"]}'


def torchvision_resnet(bare: Tensors, fmt: str) -> Tensors:
    """Check that tensors are those of torchvision's ResNet, whose names mmpretrain and timm share.

    Raises:
        ValueError: They are not.
    """
    message, name = f'{fmt} has no network of this kind: use --format mmpretrain.', resnet_name(bare)
    if name == 'NAME':
        raise ValueError(message)
    with torch.device('meta'):
        network = getattr(torchvision.models, name)()
    expected = {key: value for key, value in network.state_dict().items() if not key.startswith('fc.')}
    check_fit(expected, bare, f'{message} The nearest is {name}.')
    return bare
