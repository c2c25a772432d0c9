"""Losses that make a student's predictions follow a teacher's: what they share, and the paper's."""

import math
from typing import Optional

import torch
import torch.nn as nn
import torch.nn.functional as F

from mmhssakd.registry import MODELS


def full_precision(logits: torch.Tensor) -> torch.Tensor:
    """At least float32: half precision is not enough for a softmax."""
    return logits.to(torch.promote_types(logits.dtype, torch.float32))


def kl_divergence(student: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
    """KL divergence of the student's distribution from the teacher's, from logits (N, K), in the mean over the rows."""
    return F.kl_div(
        F.log_softmax(student, dim=1), F.log_softmax(teacher, dim=1), reduction='batchmean', log_target=True
    )


class MimicryLoss(nn.Module):
    """Base of the mimicry losses: a distance of softened logits, times ``tau ** 2``.

    Args:
        tau (float): Temperature.
        loss_weight (float): Factor on the loss.

    Raises:
        ValueError: ``tau`` is not a positive number.
    """

    def __init__(self, tau: float, loss_weight: float) -> None:
        super().__init__()
        if not (isinstance(tau, (int, float)) and math.isfinite(tau) and tau > 0):
            raise ValueError(f'{type(self).__name__}.tau (the temperature) must be a positive number, but got {tau!r}.')
        self.tau = tau
        self.loss_weight = loss_weight

    def distance(self, student: torch.Tensor, teacher: torch.Tensor, labels: Optional[torch.Tensor]) -> torch.Tensor:
        """A scalar from logits (N, K) that were divided by the temperature; labels (N, ), None for mixed images."""
        raise NotImplementedError

    def forward(
        self, student_logits: torch.Tensor, teacher_logits: torch.Tensor, labels: Optional[torch.Tensor] = None
    ) -> torch.Tensor:
        """Compute the loss; no gradient reaches the teacher's logits.

        Args:
            student_logits (Tensor): Logits of shape (N, K).
            teacher_logits (Tensor): Logits of shape (N, K).
            labels (Tensor, optional): The rows' labels, (N, ); only some losses need them.

        Returns:
            Tensor: A scalar.
        """
        student, teacher = (full_precision(x) / self.tau for x in (student_logits, teacher_logits.detach()))
        return self.loss_weight * self.tau**2 * self.distance(student, teacher, labels)


@MODELS.register_module()
class KDLoss(MimicryLoss):
    """KL divergence of the student's softened distribution from the teacher's, times ``tau ** 2``.

    It is summed over the K classes and averaged over the N rows: over B * M rows this is the ``1/M`` of ``L_kl_q``
    and ``L_kl_p`` in docs/method.md.

    Args:
        tau (float): Temperature. Defaults to 3, the paper's.
        loss_weight (float): Factor on the loss. Defaults to 1, the paper's.
    """

    def __init__(self, tau: float = 3.0, loss_weight: float = 1.0) -> None:
        super().__init__(tau, loss_weight)

    def distance(self, student: torch.Tensor, teacher: torch.Tensor, labels: Optional[torch.Tensor]) -> torch.Tensor:
        """The divergence."""
        return kl_divergence(student, teacher)
