"""Checkpoints of timm, torchvision and other trainers, under the names of an mmpretrain classifier."""

from typing import Any, Dict, Optional

import torch
import torch.nn as nn

Tensors = Dict[str, torch.Tensor]
# Where trainers keep the tensors, the average of the weights before the weights.
KEYS = ('state_dict_ema', 'ema_model', 'model_ema', 'state_dict', 'model', 'teacher', 'student')
WRAPPERS = ('module.', '_orig_mod.', 'model.')
HEADS = ('fc', 'classifier', 'head', 'heads', 'last_linear')  # of timm's and torchvision's classifiers


def unwrap(content: Any) -> Any:
    """The state dict inside of what a trainer saved; content without one of the usual keys is returned as it is."""
    key = next((key for key in KEYS if isinstance(content, dict) and isinstance(content.get(key), dict)), None)
    return content if key is None else unwrap(content[key])


def to_ours(tensors: Tensors, model: nn.Module) -> Tensors:
    """Rename the tensors of a foreign classifier for a model; names of ours are left alone.

    Args:
        tensors (dict): State dict. Of timm's and torchvision's networks the classifier becomes ``head.*``, all else
            ``backbone.*``.
        model (nn.Module): An ``ImageClassifier`` with a linear head.

    Returns:
        dict: The same tensors. Whether they fit is for :func:`check_fit` to say.
    """
    for wrapper in WRAPPERS:
        if tensors and all(name.startswith(wrapper) for name in tensors):
            tensors = {name.removeprefix(wrapper): value for name, value in tensors.items()}
    if not hasattr(model, 'head') or any(name.startswith('backbone.') for name in tensors):
        return tensors
    below = 'backbone.timm_model.' if hasattr(model.backbone, 'timm_model') else 'backbone.'
    state = model.state_dict()
    theirs, ours = linear(tensors, HEADS), linear(state, ('head',))
    found = {}
    for name, value in tensors.items():
        module, _, kind = name.rpartition('.')
        if module == theirs and ours is not None:
            found[f'{ours}.{kind}'] = value.flatten(1) if kind == 'weight' else value  # some are 1x1 convolutions
        else:
            rest = below + name not in state and name.split('.')[0] in HEADS  # of a classifier of several layers
            found[f'head.{name}' if rest else below + name] = value
    return found


def linear(tensors: Tensors, below: tuple) -> Optional[str]:
    """Name of the last module with a matrix of weights, below modules of these names."""
    names = [name for name, value in tensors.items() if name.endswith('.weight') and value.squeeze().ndim == 2]
    return next((name[: -len('.weight')] for name in reversed(names) if name.split('.')[0] in below), None)
