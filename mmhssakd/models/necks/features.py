"""Features of any backbone, taken by hooks, as feature maps."""

import math
from contextlib import ExitStack, contextmanager
from typing import Any, Dict, Iterator, Optional, Sequence

import torch
import torch.nn as nn


@contextmanager
def tapped(backbone: nn.Module, taps: Sequence[str]) -> Iterator[Dict[str, Any]]:
    """Collect the outputs of named modules during a forward pass inside the ``with`` block.

    Yields:
        dict: Filled during the forward pass, from name to output.
    """
    features: Dict[str, Any] = {}

    def keep(name: str):
        return lambda module, args, output: features.__setitem__(name, output)

    with ExitStack() as stack:
        for name in taps:
            stack.enter_context(backbone.get_submodule(name).register_forward_hook(keep(name)))
        yield features


def channels_first(feature: torch.Tensor, channels: Optional[int]) -> torch.Tensor:
    """Turn a map (N, H, W, C), as timm's and torchvision's Swin return it, into (N, C, H, W).

    Without ``channels`` it is known by its square sides: only the map of an empty, square image is asked so.
    """
    _, first, second, last = feature.shape
    swap = first == second != last if channels is None else last == channels != first
    return feature.permute(0, 3, 1, 2) if swap else feature


def to_map(output: Any, name: str, channels: Optional[int] = None) -> torch.Tensor:
    """Turn what the module ``name`` returns into a feature map (N, C, H, W).

    Maps stay as they are, with the channels moved to the front where they are last. Tokens (N, L, C), alone or
    with their (H, W) as mmpretrain's Swin returns them, become maps; class tokens, which come first, are dropped.
    Without ``channels``, when they are to be found out, the image must be square.

    Raises:
        ValueError: It is none of these.
    """
    shape = None
    if isinstance(output, (tuple, list)) and output and isinstance(output[0], torch.Tensor):
        shape = output[1] if len(output) == 2 and not isinstance(output[1], torch.Tensor) else None
        output = output[0]
    if isinstance(output, torch.Tensor) and output.ndim == 4:
        return channels_first(output, channels)
    if not (isinstance(output, torch.Tensor) and output.ndim == 3):
        what = f'shape {tuple(output.shape)}' if isinstance(output, torch.Tensor) else f'type {type(output).__name__}'
        kinds = 'no feature map (N, C, H, W) and no tokens (N, L, C)'
        raise ValueError(f'auxiliary_neck.taps: {name!r} returns something of {what}, {kinds}: tap another module.')
    side = math.isqrt(output.shape[1])
    height, width = shape or (side, side)
    return output[:, output.shape[1] - height * width :].transpose(1, 2).unflatten(2, (int(height), int(width)))


def last_map(output: Any) -> torch.Tensor:
    """The feature map of the last stage that a backbone returns."""
    return to_map(output[-1] if isinstance(output, (tuple, list)) else output, 'backbone')


@torch.no_grad()
def probe(backbone: nn.Module, taps: Sequence[str], image_size: Optional[int] = None) -> Dict[str, torch.Tensor]:
    """Feature maps of an empty image, to learn their channels; the backbone is in eval mode then.

    Without ``image_size`` a small image is tried first, then one of 224 x 224, which Swin and timm's ViT insist on.

    Raises:
        ValueError: The backbone does not take such an image, never calls a tapped module, or it returns no feature map.
    """
    sizes = (32, 224) if image_size is None else (image_size,)
    backbone.eval()
    with tapped(backbone, taps) as features:
        for size in sizes:
            try:
                backbone(torch.zeros(1, 3, size, size))
                break
            except (RuntimeError, AssertionError, ValueError) as error:
                if size == sizes[-1]:
                    raise ValueError(
                        f'{type(backbone).__name__} does not take an image of {size} x {size}: set '
                        f'auxiliary_neck.image_size to a size that it takes. It says: {error}'
                    ) from error
    silent = [name for name in taps if name not in features]
    if silent:
        raise ValueError(
            f'auxiliary_neck.taps: {type(backbone).__name__} never calls {", ".join(map(repr, silent))} '
            '(a list of modules, for example): tap the modules inside.'
        )
    return {name: to_map(features[name], name) for name in taps}
