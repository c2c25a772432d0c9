"""Temperature-scaled Kullback-Leibler divergence, the paper's mimicry loss."""
import math
from typing import Optional

import torch
import torch.nn as nn
import torch.nn.functional as F

from mmhssakd.registry import MODELS


def check_temperature(loss: str, tau: float) -> None:
    """Refuse a temperature that is not a positive number, with a ValueError that names the loss."""
    if not (isinstance(tau, (int, float)) and math.isfinite(tau) and tau > 0):
        raise ValueError(f'{loss}.tau (the temperature) must be a positive number, but got {tau!r}.')


def full_precision(logits: torch.Tensor) -> torch.Tensor:
    """At least float32: half precision is not enough for a softmax."""
    return logits.to(torch.promote_types(logits.dtype, torch.float32))


@MODELS.register_module()
class KDLoss(nn.Module):
    """KL divergence of the student's softened distribution from the teacher's, times ``tau ** 2`` (Eq. 5 to 7).

    Args:
        tau (float): Temperature. Defaults to 3, the paper's.
        loss_weight (float): Factor on the loss. Defaults to 1, the paper's.

    Raises:
        ValueError: ``tau`` is not a positive number.
    """

    def __init__(self, tau: float = 3.0, loss_weight: float = 1.0) -> None:
        super().__init__()
        check_temperature('KDLoss', tau)
        self.tau = tau
        self.loss_weight = loss_weight

    def forward(self,
                student_logits: torch.Tensor,
                teacher_logits: torch.Tensor,
                labels: Optional[torch.Tensor] = None) -> torch.Tensor:
        """Compute the loss; no gradient reaches the teacher's logits.

        Args:
            student_logits (Tensor): Logits of shape (N, K).
            teacher_logits (Tensor): Logits of shape (N, K).
            labels (Tensor, optional): Not used; other mimicry losses need the rows' labels, (N, ).

        Returns:
            Tensor: A scalar, summed over the K classes and averaged over the N rows ("batchmean").
        """
        log_student = F.log_softmax(full_precision(student_logits) / self.tau, dim=1)
        log_teacher = F.log_softmax(full_precision(teacher_logits.detach()) / self.tau, dim=1)
        kl = F.kl_div(log_student, log_teacher, reduction='batchmean', log_target=True)
        return self.loss_weight * self.tau**2 * kl

    def extra_repr(self) -> str:
        return f'tau={self.tau}, loss_weight={self.loss_weight}'
