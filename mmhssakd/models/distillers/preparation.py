"""Views as the student sees them, prepared as the teacher was trained: normalization, channel order, size."""

from typing import Any, Optional

import torch
import torch.nn as nn
import torch.nn.functional as F

MODES = ('bilinear', 'bicubic', 'nearest', 'area')


class Preparation(nn.Module):
    """Undo the student's preparation of images and do the teacher's, in one multiplication and addition.

    What is equal in both is not touched. If one of them has no mean, the images are normalized elsewhere, for both.

    Args:
        student (nn.Module): The student's data preprocessor.
        teacher (nn.Module): The teacher's.
        size (int, optional): Side of the teacher's images in pixels. Defaults to the student's.
        interpolation (str): ``'bilinear'`` (default) or ``'bicubic'``, both antialiased, ``'nearest'`` or ``'area'``.

    Raises:
        ValueError: ``interpolation`` is none of these, or ``size`` no positive whole number.
    """

    def __init__(self, student: Any, teacher: Any, size: Optional[int] = None, interpolation: str = 'bilinear') -> None:
        super().__init__()
        if interpolation not in MODES:
            raise ValueError(
                f'model.teacher.interpolation must be one of {", ".join(MODES)}, but got {interpolation!r}.'
            )
        if size is not None and not (isinstance(size, int) and size > 0):
            raise ValueError(f'model.teacher.size must be a side in pixels, a positive whole number, but got {size!r}.')
        self.size, self.interpolation = size, interpolation
        self.flips = self.normalizes = False
        if hasattr(student, 'mean') and hasattr(teacher, 'mean'):
            self.flips = bool(teacher.to_rgb) != bool(student.to_rgb)
            given = (value.double() for value in (student.mean, student.std, teacher.mean, teacher.std))
            mean, std, new_mean, new_std = torch.broadcast_tensors(*given)
            if self.flips:
                mean, std = mean.flip(0), std.flip(0)
            self.normalizes = not (torch.equal(mean, new_mean) and torch.equal(std, new_std))
            if self.normalizes:
                self.register_buffer('scale', std / new_std, persistent=False)
                self.register_buffer('shift', (mean - new_mean) / new_std, persistent=False)

    def forward(self, views: torch.Tensor) -> torch.Tensor:
        """Prepare normalized views (B * M, C, H, W); the teacher's have its own size."""
        if self.flips:
            views = views.flip(1)
        if self.normalizes:
            views = torch.addcmul(self.shift, views, self.scale)
        if self.size not in (None, views.shape[-1]):
            antialias = self.interpolation in ('bilinear', 'bicubic')
            views = F.interpolate(views, self.size, mode=self.interpolation, antialias=antialias)
        return views
