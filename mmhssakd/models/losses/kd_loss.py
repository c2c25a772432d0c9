"""Temperature-scaled Kullback-Leibler divergence, the paper's mimicry loss."""

from typing import Optional

import torch
import torch.nn.functional as F

from mmhssakd.registry import MODELS
from .mimicry_loss import MimicryLoss


@MODELS.register_module()
class KDLoss(MimicryLoss):
    """KL divergence of the student's softened distribution from the teacher's, times ``tau ** 2``.

    It is summed over the K classes and averaged over the N rows: over B * M rows this is the ``1/M`` of ``L_kl_q``
    and ``L_kl_p`` in docs/method.md.

    Args:
        tau (float): Temperature. Defaults to 3, the paper's.
        loss_weight (float): Factor on the loss. Defaults to 1, the paper's.

    Raises:
        ValueError: ``tau`` is not a positive number.
    """

    def __init__(self, tau: float = 3.0, loss_weight: float = 1.0) -> None:
        super().__init__(tau, loss_weight)

    def distance(self, student: torch.Tensor, teacher: torch.Tensor, labels: Optional[torch.Tensor]) -> torch.Tensor:
        """The divergence."""
        return F.kl_div(
            F.log_softmax(student, dim=1), F.log_softmax(teacher, dim=1), reduction='batchmean', log_target=True
        )
