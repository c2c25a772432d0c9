"""Self-supervised tasks: each is a set of M transformations, the first of which is the identity."""

import math
from abc import abstractmethod
from itertools import permutations
from typing import Sequence

import torch
from mmcv.transforms import BaseTransform

from mmhssakd.registry import TRANSFORMS

NUM_ROTATIONS = 4  # the paper's M
ORDERS = tuple(permutations(range(3)))  # of colour channels; the first is the identity


class Views(BaseTransform):
    """A set of transformations as a component: views on the device, or per sample in a pipeline.

    The classifiers call :meth:`expand` on a whole batch, after normalisation and on the device, which moves one
    M-th of the data from host to device. As a step of a pipeline, placed after ``PackInputs``, the same views
    are made per sample on the CPU: ``inputs`` of shape (C, H, W) become (M, C, H, W), and the classifiers take the
    collated (N, M, C, H, W) batches as they are.

    Required Keys (pipeline): ``inputs``. Modified Keys: ``inputs``.

    Attributes:
        num_views (int): M. Everything that depends on it derives it from here.
    """

    num_views: int

    @abstractmethod
    def expand(self, images: torch.Tensor) -> torch.Tensor:
        """Make the views of a batch.

        Args:
            images (Tensor): (B, C, H, W).

        Returns:
            Tensor: (B * M, C, H, W). Row ``M * b + j`` is image ``b`` under transformation ``j``.

        Raises:
            ValueError: The transformations do not fit the images.
        """

    def transform(self, results: dict) -> dict:
        """Replace ``inputs`` (C, H, W) by its views (M, C, H, W).

        Raises:
            TypeError: ``inputs`` is not there yet, or is not a tensor.
        """
        images = results.get('inputs')
        if not isinstance(images, torch.Tensor):
            raise TypeError(
                f'{type(self).__name__} transforms the packed tensor: put it after PackInputs in the '
                f'pipeline. It found {sorted(results)} in the results.'
            )
        results['inputs'] = self.expand(images[None])
        return results


def rotate_views(images: torch.Tensor) -> torch.Tensor:
    """Rotate each image by 0, 90, 180 and 270 degrees counter-clockwise: ``t_j``.

    Args:
        images (Tensor): Square images of shape (B, C, H, H).

    Returns:
        Tensor: Views of shape (4 * B, C, H, H). Row ``4 * b + j`` is image ``b`` rotated by ``j * 90`` degrees.

    Raises:
        ValueError: The images are not a batch of square images.
    """
    if images.ndim != 4:
        raise ValueError(f'rotate_views needs images of shape (B, C, H, W), but got {tuple(images.shape)}.')
    height, width = images.shape[-2:]
    if height != width:
        raise ValueError(
            f'Rotation needs square images, but the batch has height {height} and width {width}. '
            'Crop or resize to a square in the training pipeline (train_dataloader.dataset.pipeline), '
            "for example with dict(type='RandomResizedCrop', scale=224)."
        )
    return torch.stack([images.rot90(j, (2, 3)) for j in range(NUM_ROTATIONS)], dim=1).flatten(0, 1)


@TRANSFORMS.register_module()
class RotateViews(Views):
    """The paper's task, M = 4: rotation by multiples of 90 degrees, see :func:`rotate_views`."""

    num_views = NUM_ROTATIONS

    def expand(self, images: torch.Tensor) -> torch.Tensor:
        """Make the views of a batch of square images: (B, C, H, H) to (4 * B, C, H, H)."""
        return rotate_views(images)


@TRANSFORMS.register_module()
class PermuteChannelViews(Views):
    """All orders of the three colour channels, M = 6, in lexicographic order of the permutation."""

    num_views = len(ORDERS)

    def expand(self, images: torch.Tensor) -> torch.Tensor:
        """Make the views of a batch of colour images: (B, 3, H, W) to (6 * B, 3, H, W).

        Raises:
            ValueError: The images do not have three channels.
        """
        if images.ndim != 4 or images.shape[1] != 3:
            raise ValueError(
                'Permuting colour channels needs images of shape (B, 3, H, W), but the batch has shape '
                f'{tuple(images.shape)}: set model.views to another task, for example '
                "dict(type='mmhssakd.RotateViews')."
            )
        return torch.stack([images[:, order] for order in ORDERS], dim=1).flatten(0, 1)


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
