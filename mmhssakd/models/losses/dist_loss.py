"""DIST: knowledge distillation from a stronger teacher (Huang et al., NeurIPS 2022)."""

from typing import Optional

import torch
import torch.nn.functional as F

from mmhssakd.registry import MODELS
from .mimicry_loss import MimicryLoss


def pearson_distance(x: torch.Tensor, y: torch.Tensor, eps: float = 1e-8) -> torch.Tensor:
    """Mean over rows of one minus Pearson's correlation of ``x`` and ``y``, both (R, C)."""
    x, y = x - x.mean(1, keepdim=True), y - y.mean(1, keepdim=True)
    x = torch.where(x.norm(dim=1, keepdim=True) > 0, x, x.detach())  # else the gradient at 0 would be 1 / eps
    return 1 - ((x * y).sum(1) / (x.norm(dim=1) * y.norm(dim=1) + eps)).mean()


@MODELS.register_module()
class DISTLoss(MimicryLoss):
    """``beta * inter + gamma * intra``: predictions match up to a linear map (equation 10 of the DIST paper).

    Args:
        tau (float): Temperature. Defaults to 1.
        beta (float): Factor of the relation of classes within an image. Defaults to 1.
        gamma (float): Factor of the relation of images within a class. Defaults to 1.
        loss_weight (float): Factor on the loss. Defaults to 1.

    Raises:
        ValueError: ``tau`` is not a positive number.
    """

    beta: float
    gamma: float

    def __init__(self, tau: float = 1.0, beta: float = 1.0, gamma: float = 1.0, loss_weight: float = 1.0) -> None:
        super().__init__(tau, loss_weight, beta=beta, gamma=gamma)

    def distance(self, student: torch.Tensor, teacher: torch.Tensor, labels: Optional[torch.Tensor]) -> torch.Tensor:
        """The two relations' distance, weighted."""
        student, teacher = F.softmax(student, dim=1), F.softmax(teacher, dim=1)
        return self.beta * pearson_distance(student, teacher) + self.gamma * pearson_distance(student.T, teacher.T)
