"""Mimicry losses of other papers, for comparison."""

from typing import Optional

import torch
import torch.nn as nn
import torch.nn.functional as F

from mmhssakd.registry import MODELS
from .mimicry_loss import MimicryLoss, full_precision, kl_divergence


@MODELS.register_module()
class DKDLoss(MimicryLoss):
    """``alpha * TCKD + beta * NCKD``: the target's share and the others' distribution (equation 7 of the DKD paper).

    Decoupled knowledge distillation (Zhao et al., CVPR 2022). KD is ``TCKD + (1 - p_target of the teacher) * NCKD``.

    Args:
        tau (float): Temperature. Defaults to 4, the paper's for CIFAR-100.
        alpha (float): Factor of the target-class term. Defaults to 1.
        beta (float): Factor of the non-target-class term. Defaults to 8.
        loss_weight (float): Factor on the loss. Defaults to 1.
    """

    def __init__(self, tau: float = 4.0, alpha: float = 1.0, beta: float = 8.0, loss_weight: float = 1.0) -> None:
        super().__init__(tau, loss_weight)
        self.alpha, self.beta = alpha, beta

    def distance(self, student: torch.Tensor, teacher: torch.Tensor, labels: Optional[torch.Tensor]) -> torch.Tensor:
        """The two terms, weighted.

        Raises:
            ValueError: There are no labels, as with mixed images.
        """
        if labels is None:
            raise ValueError(
                'DKDLoss needs the label of every image: remove mixup or cutmix from '
                'model.train_cfg.augments, or take another loss.'
            )
        target = F.one_hot(labels, student.shape[1]).bool()
        others = [x[~target].view(len(x), -1) for x in (student, teacher)]
        # binary distributions (target, all others), as logits
        binary = [torch.stack([x[target], other.logsumexp(1)], dim=1) for x, other in zip((student, teacher), others)]
        return self.alpha * kl_divergence(*binary) + self.beta * kl_divergence(*others)


def pearson_distance(x: torch.Tensor, y: torch.Tensor, eps: float = 1e-8) -> torch.Tensor:
    """Mean over rows of one minus Pearson's correlation of ``x`` and ``y``, both (R, C)."""
    x, y = x - x.mean(1, keepdim=True), y - y.mean(1, keepdim=True)
    x = torch.where(x.norm(dim=1, keepdim=True) > 0, x, x.detach())  # else the gradient at 0 would be 1 / eps
    return 1 - ((x * y).sum(1) / (x.norm(dim=1) * y.norm(dim=1) + eps)).mean()


@MODELS.register_module()
class DISTLoss(MimicryLoss):
    """``beta * inter + gamma * intra``: predictions match up to a linear map (equation 10 of the DIST paper).

    Knowledge distillation from a stronger teacher (Huang et al., NeurIPS 2022).

    Args:
        tau (float): Temperature. Defaults to 1.
        beta (float): Factor of the relation of classes within an image. Defaults to 1.
        gamma (float): Factor of the relation of images within a class. Defaults to 1.
        loss_weight (float): Factor on the loss. Defaults to 1.
    """

    def __init__(self, tau: float = 1.0, beta: float = 1.0, gamma: float = 1.0, loss_weight: float = 1.0) -> None:
        super().__init__(tau, loss_weight)
        self.beta, self.gamma = beta, gamma

    def distance(self, student: torch.Tensor, teacher: torch.Tensor, labels: Optional[torch.Tensor]) -> torch.Tensor:
        """The two relations' distance, weighted."""
        student, teacher = F.softmax(student, dim=1), F.softmax(teacher, dim=1)
        return self.beta * pearson_distance(student, teacher) + self.gamma * pearson_distance(student.T, teacher.T)


def standardize(logits: torch.Tensor, eps: float = 1e-7) -> torch.Tensor:
    """Give each row of logits (N, K) zero mean and unit deviation over the classes (algorithm 1 of its paper)."""
    centred = logits - logits.mean(1, keepdim=True)
    deviation = centred.norm(dim=1, keepdim=True) / logits.shape[1] ** 0.5  # unlike sqrt, norm has a gradient at 0
    # equal logits have no direction to go: their gradient would be 1 / eps, which half precision cannot hold
    return torch.where(deviation > 0, centred, centred.detach()) / (deviation + eps)


@MODELS.register_module()
class StandardizedLoss(nn.Module):
    """Any mimicry loss on standardised logits: the student need not match the teacher's range, only its order.

    Logit standardisation (Sun et al., CVPR 2024).

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
        """Compute the loss of standardised logits; arguments and result are those of the inner loss."""
        student, teacher = (standardize(full_precision(x)) for x in (student_logits, teacher_logits.detach()))
        return self.loss_weight * self.loss(student, teacher, labels)
