"""Permutation of the color channels as the self-supervised task (self-supervised label augmentation)."""

from itertools import permutations

import torch

from mmhssakd.registry import TRANSFORMS
from .views import Views

ORDERS = tuple(permutations(range(3)))  # the first is the identity


@TRANSFORMS.register_module()
class PermuteChannelViews(Views):
    """All orders of the three color channels, M = 6, in lexicographic order of the permutation."""

    num_views = len(ORDERS)

    def expand(self, images: torch.Tensor) -> torch.Tensor:
        """Make the views of a batch of color images: (B, 3, H, W) to (6 * B, 3, H, W).

        Raises:
            ValueError: The images do not have three channels.
        """
        if images.ndim != 4 or images.shape[1] != 3:
            raise ValueError(
                f'Permuting color channels needs images of shape (B, 3, H, W), but got {tuple(images.shape)}: '
                "set model.views to another task, for example dict(type='mmhssakd.RotateViews')."
            )
        return torch.stack([images[:, order] for order in ORDERS], dim=1).flatten(0, 1)
