"""Mimicry of the last feature map, position by position: what a detector reads. Not in the paper."""

import torch
import torch.nn as nn
import torch.nn.functional as F

from mmhssakd.registry import MODELS
from .mimicry_loss import full_precision


@MODELS.register_module()
class DenseLoss(nn.Module):
    """``mean_u || n(W F^S(u)) - n(F^T(u)) ||^2`` over all positions u of the last feature maps of all views.

    ``n`` scales to length 1, so a position's share is 2 minus twice the cosine, 0 to 4; W is a learned 1x1 convolution.

    Args:
        in_channels (int): Channels of the student's last feature map.
        out_channels (int): Channels of the teacher's.
        loss_weight (float): Factor on the loss. Defaults to 1.
    """

    def __init__(self, in_channels: int, out_channels: int, loss_weight: float = 1.0) -> None:
        super().__init__()
        self.project = nn.Conv2d(in_channels, out_channels, 1)
        self.loss_weight = loss_weight

    def forward(self, student: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
        """Compute the loss; no gradient reaches the teacher.

        Args:
            student (Tensor): Feature maps (rows, in_channels, H, W).
            teacher (Tensor): Feature maps (rows, out_channels, H', W'); the student's are resized to theirs.

        Returns:
            Tensor: A scalar.
        """
        student = self.project(student)
        if student.shape[2:] != teacher.shape[2:]:
            student = F.interpolate(student, teacher.shape[2:], mode='bilinear', align_corners=False, antialias=True)
        cosine = F.cosine_similarity(full_precision(student), full_precision(teacher.detach()), dim=1)
        return self.loss_weight * (2 - 2 * cosine).mean()
