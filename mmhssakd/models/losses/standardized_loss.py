"""Logit standardization (Sun et al., CVPR 2024)."""

from typing import Optional

import torch
import torch.nn as nn

from mmhssakd.registry import MODELS
from .mimicry_loss import full_precision


def standardize(logits: torch.Tensor, eps: float = 1e-7) -> torch.Tensor:
    """Give each row of logits (N, K) zero mean and unit deviation over the classes (algorithm 1 of its paper)."""
    centered = logits - logits.mean(1, keepdim=True)
    deviation = centered.norm(dim=1, keepdim=True) / logits.shape[1] ** 0.5  # unlike sqrt, norm has a gradient at 0
    # equal logits have no direction to go: their gradient would be 1 / eps, which half precision cannot hold
    return torch.where(deviation > 0, centered, centered.detach()) / (deviation + eps)


@MODELS.register_module()
class StandardizedLoss(nn.Module):
    """Any mimicry loss on standardized logits: the student need not match the teacher's range, only its order.

    Args:
        loss (dict): Config of the loss, with its temperature. Defaults to ``dict(type='KDLoss', tau=2)``, the paper's.
        loss_weight (float): Factor on the loss. Defaults to 1 (the paper takes 9 for KD on CIFAR-100).
    """

    def __init__(self, loss: dict = dict(type='KDLoss', tau=2.0), loss_weight: float = 1.0) -> None:
        super().__init__()
        self.loss = MODELS.build(loss)
        self.loss_weight = loss_weight

    def forward(
        self, student_logits: torch.Tensor, teacher_logits: torch.Tensor, labels: Optional[torch.Tensor] = None
    ) -> torch.Tensor:
        """Compute the loss of standardized logits; arguments and result are those of the inner loss."""
        student, teacher = (standardize(full_precision(x)) for x in (student_logits, teacher_logits.detach()))
        return self.loss_weight * self.loss(student, teacher, labels)
