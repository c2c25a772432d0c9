"""Decoupled knowledge distillation (Zhao et al., CVPR 2022)."""
from typing import Optional

import torch
import torch.nn as nn
import torch.nn.functional as F

from mmhssakd.registry import MODELS
from .kd_loss import check_temperature, full_precision


@MODELS.register_module()
class DKDLoss(nn.Module):
    """``alpha * TCKD + beta * NCKD``: the target's share and the distribution of the others, weighted apart (Eq. 7).

    KD is ``TCKD + (1 - p_target of the teacher) * NCKD``.

    Args:
        tau (float): Temperature. Defaults to 4, the paper's for CIFAR-100.
        alpha (float): Factor of the target-class term. Defaults to 1.
        beta (float): Factor of the non-target-class term. Defaults to 8.
        loss_weight (float): Factor on the loss. Defaults to 1.

    Raises:
        ValueError: ``tau`` is not a positive number.
    """

    def __init__(self, tau: float = 4.0, alpha: float = 1.0, beta: float = 8.0, loss_weight: float = 1.0) -> None:
        super().__init__()
        check_temperature('DKDLoss', tau)
        self.tau, self.alpha, self.beta, self.loss_weight = tau, alpha, beta, loss_weight

    def forward(self,
                student_logits: torch.Tensor,
                teacher_logits: torch.Tensor,
                labels: Optional[torch.Tensor] = None) -> torch.Tensor:
        """Compute the loss; no gradient reaches the teacher's logits.

        Args:
            student_logits (Tensor): Logits of shape (N, K).
            teacher_logits (Tensor): Logits of shape (N, K).
            labels (Tensor): The rows' labels, (N, ).

        Returns:
            Tensor: A scalar, averaged over the rows, times ``tau ** 2``.

        Raises:
            ValueError: There are no labels, as with mixed images.
        """
        if labels is None:
            raise ValueError('DKDLoss needs the label of every image: remove mixup or cutmix from '
                             'model.train_cfg.augments, or take another loss.')
        student, teacher = (full_precision(x) / self.tau for x in (student_logits, teacher_logits.detach()))
        target = F.one_hot(labels, student.shape[1]).bool()
        others = [x[~target].view(len(x), -1) for x in (student, teacher)]
        # binary distributions (target, all others), in the logarithm
        binary = [F.log_softmax(torch.stack([x[target], other.logsumexp(1)], dim=1), dim=1)
                  for x, other in zip((student, teacher), others)]
        tckd = F.kl_div(binary[0], binary[1], reduction='batchmean', log_target=True)
        rest = [F.log_softmax(x, dim=1) for x in others]
        nckd = F.kl_div(rest[0], rest[1], reduction='batchmean', log_target=True)
        return self.loss_weight * self.tau**2 * (self.alpha * tckd + self.beta * nckd)

    def extra_repr(self) -> str:
        return f'tau={self.tau}, alpha={self.alpha}, beta={self.beta}, loss_weight={self.loss_weight}'
