"""Rotation by 0, 90, 180 and 270 degrees: the paper's self-supervised task."""

import torch

from mmhssakd.registry import TRANSFORMS
from .views import Views

NUM_ROTATIONS = 4  # the paper's M


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
