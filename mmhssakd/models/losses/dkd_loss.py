"""Decoupled knowledge distillation (Zhao et al., CVPR 2022)."""

from typing import Optional

import torch
import torch.nn.functional as F

from mmhssakd.registry import MODELS
from .mimicry_loss import MimicryLoss


@MODELS.register_module()
class DKDLoss(MimicryLoss):
    """``alpha * TCKD + beta * NCKD``: the target's share and the others' distribution (equation 7 of the DKD paper).

    KD is ``TCKD + (1 - p_target of the teacher) * NCKD``.

    Args:
        tau (float): Temperature. Defaults to 4, the paper's for CIFAR-100.
        alpha (float): Factor of the target-class term. Defaults to 1.
        beta (float): Factor of the non-target-class term. Defaults to 8.
        loss_weight (float): Factor on the loss. Defaults to 1.

    Raises:
        ValueError: ``tau`` is not a positive number.
    """

    alpha: float
    beta: float

    def __init__(self, tau: float = 4.0, alpha: float = 1.0, beta: float = 8.0, loss_weight: float = 1.0) -> None:
        super().__init__(tau, loss_weight, alpha=alpha, beta=beta)

    def distance(self, student: torch.Tensor, teacher: torch.Tensor, labels: Optional[torch.Tensor]) -> torch.Tensor:
        """The two terms, weighted.

        Raises:
            ValueError: There are no labels, as with mixed images, or not of all images.
        """
        if labels is None:
            raise ValueError(
                'DKDLoss needs the label of every image: remove mixup or cutmix from model.train_cfg.augments, and '
                'images without a label from the data.'
            )
        target = F.one_hot(labels, student.shape[1]).bool()
        rest = [x[~target].view(len(x), -1) for x in (student, teacher)]
        # the target, and all others together
        both = [torch.stack([x[target], other.logsumexp(1)], dim=1) for x, other in zip((student, teacher), rest)]
        tckd = F.kl_div(F.log_softmax(both[0], 1), F.log_softmax(both[1], 1), reduction='batchmean', log_target=True)
        nckd = F.kl_div(F.log_softmax(rest[0], 1), F.log_softmax(rest[1], 1), reduction='batchmean', log_target=True)
        return self.alpha * tckd + self.beta * nckd
