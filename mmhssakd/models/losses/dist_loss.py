"""DIST: knowledge distillation from a stronger teacher (Huang et al., NeurIPS 2022)."""
from typing import Optional

import torch
import torch.nn as nn
import torch.nn.functional as F

from mmhssakd.registry import MODELS
from .kd_loss import check_temperature, full_precision


def pearson_distance(x: torch.Tensor, y: torch.Tensor, eps: float = 1e-8) -> torch.Tensor:
    """Mean over rows of one minus Pearson's correlation of ``x`` and ``y``, both (R, C)."""
    x, y = x - x.mean(1, keepdim=True), y - y.mean(1, keepdim=True)
    x = torch.where(x.norm(dim=1, keepdim=True) > 0, x, x.detach())  # else the gradient at 0 would be 1 / eps
    return 1 - ((x * y).sum(1) / (x.norm(dim=1) * y.norm(dim=1) + eps)).mean()


@MODELS.register_module()
class DISTLoss(nn.Module):
    """``beta * inter + gamma * intra``: match predictions up to a linear map, per image and per class (Eq. 10).

    Args:
        tau (float): Temperature. Defaults to 1.
        beta (float): Factor of the relation of classes within an image. Defaults to 1.
        gamma (float): Factor of the relation of images within a class. Defaults to 1.
        loss_weight (float): Factor on the loss. Defaults to 1.

    Raises:
        ValueError: ``tau`` is not a positive number.
    """

    def __init__(self, tau: float = 1.0, beta: float = 1.0, gamma: float = 1.0, loss_weight: float = 1.0) -> None:
        super().__init__()
        check_temperature('DISTLoss', tau)
        self.tau, self.beta, self.gamma, self.loss_weight = tau, beta, gamma, loss_weight

    def forward(self,
                student_logits: torch.Tensor,
                teacher_logits: torch.Tensor,
                labels: Optional[torch.Tensor] = None) -> torch.Tensor:
        """Compute the loss; no gradient reaches the teacher's logits.

        Args:
            student_logits (Tensor): Logits of shape (N, K).
            teacher_logits (Tensor): Logits of shape (N, K).
            labels (Tensor, optional): Not used.

        Returns:
            Tensor: A scalar, times ``tau ** 2``.
        """
        student, teacher = (F.softmax(full_precision(x) / self.tau, dim=1)
                            for x in (student_logits, teacher_logits.detach()))
        loss = self.beta * pearson_distance(student, teacher) + self.gamma * pearson_distance(student.T, teacher.T)
        return self.loss_weight * self.tau**2 * loss

    def extra_repr(self) -> str:
        return f'tau={self.tau}, beta={self.beta}, gamma={self.gamma}, loss_weight={self.loss_weight}'
