"""What the losses have in common that make a student's predictions follow a teacher's."""

import math
from typing import Optional

import torch
import torch.nn as nn


def full_precision(logits: torch.Tensor) -> torch.Tensor:
    """At least float32: half precision is not enough for a softmax."""
    return logits.to(torch.promote_types(logits.dtype, torch.float32))


class MimicryLoss(nn.Module):
    """Base of the mimicry losses: a distance of softened logits, times ``tau ** 2``.

    Args:
        tau (float): Temperature.
        loss_weight (float): Factor on the loss.
        **factors (float): Factors of the loss's parts, kept as attributes.

    Raises:
        ValueError: ``tau`` is not a positive number.
    """

    tau: float
    loss_weight: float

    def __init__(self, tau: float, loss_weight: float, **factors: float) -> None:
        super().__init__()
        if not (isinstance(tau, (int, float)) and math.isfinite(tau) and tau > 0):
            raise ValueError(f'{type(self).__name__}.tau (the temperature) must be a positive number, but got {tau!r}.')
        self.options = dict(tau=tau, **factors, loss_weight=loss_weight)
        for name, value in self.options.items():
            setattr(self, name, value)

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

    def extra_repr(self) -> str:
        return ', '.join(f'{name}={value}' for name, value in self.options.items())
