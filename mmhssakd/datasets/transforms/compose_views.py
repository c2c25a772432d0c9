"""The product of several self-supervised tasks."""

import math
from typing import Sequence

import torch

from mmhssakd.registry import TRANSFORMS
from .views import Views


@TRANSFORMS.register_module()
class ComposeViews(Views):
    """Every combination of the transformations of several sets, M = M_1 * M_2 * ...

    Rotation x channel permutation (M = 24) is
    ``dict(type='ComposeViews', views=[dict(type='RotateViews'), dict(type='PermuteChannelViews')])``.

    Args:
        views (Sequence[dict]): Configs of the sets. The last one's transformation varies fastest.

    Raises:
        ValueError: ``views`` is empty.
    """

    def __init__(self, views: Sequence[dict]) -> None:
        if not views:
            raise ValueError('ComposeViews.views must hold the config of at least one task.')
        self.views = [TRANSFORMS.build(view) for view in views]
        self.num_views = math.prod(view.num_views for view in self.views)

    def expand(self, images: torch.Tensor) -> torch.Tensor:
        """Make the views of a batch: (B, C, H, W) to (B * M, C, H, W)."""
        for view in self.views:
            images = view.expand(images)
        return images
