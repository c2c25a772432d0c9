"""How two networks are compared: the mimicry losses, and the options of their terms."""

from typing import Iterable, List, Optional, Union

import torch
import torch.nn as nn

from mmhssakd.models.classifiers import SSAClassifier
from mmhssakd.models.labels import Labels
from mmhssakd.registry import MODELS


class Criterion(nn.Module):
    """The terms ``L_kl_q`` and ``L_kl_p`` of one network toward another, and every term's weight.

    Arguments are those of :class:`HSSAKD`; ``aux`` is the default weight of that term. A term with weight 0 is not
    computed.

    Raises:
        ValueError: ``loss_weight`` or ``kl_p_views`` holds something unknown, or a weight is negative.
    """

    def __init__(
        self, kd_loss: dict, kd_loss_q: Optional[dict], loss_weight: Optional[dict], kl_p_views: str, aux: float
    ) -> None:
        super().__init__()
        # --cfg-options model.kd_loss.tau=4 sets no type
        self.kd_loss = MODELS.build({'type': 'KDLoss', **kd_loss})
        self.kd_loss_q = self.kd_loss if kd_loss_q is None else MODELS.build({'type': 'KDLoss', **kd_loss_q})
        weight = dict(task=1.0, kl_q=1.0, kl_p=1.0, aux=aux)
        self.weight = {**weight, **(loss_weight or {})}
        if len(self.weight) > len(weight):
            unknown = sorted(set(self.weight) - set(weight))
            raise ValueError(f'model.loss_weight has unknown terms {unknown}; it knows {", ".join(weight)}.')
        if min(self.weight.values()) < 0:
            raise ValueError(f'model.loss_weight must be 0 or more for each term, but got {self.weight}.')
        if kl_p_views not in ('all', 'unrotated'):
            raise ValueError(f"model.kl_p_views must be 'all' or 'unrotated', but got {kl_p_views!r}.")
        self.kl_p_views = kl_p_views

    def kl_q(self, student: List[torch.Tensor], teacher: List[torch.Tensor], labels: Labels) -> List[torch.Tensor]:
        """Each branch's share of ``L_kl_q``, from logits (B * M, N * M); the teacher's take no gradient."""
        if not self.weight['kl_q']:
            return []
        return [self.kd_loss_q(q, q_teacher.detach(), labels.complete.k) for q, q_teacher in zip(student, teacher)]

    def kl_p(self, student: torch.Tensor, teacher: torch.Tensor, labels: Labels) -> Union[torch.Tensor, float]:
        """``L_kl_p``, from logits (B * M, N); the teacher's take no gradient."""
        if not self.weight['kl_p']:
            return 0.0
        if self.kl_p_views == 'unrotated':
            return self.kd_loss(student[:: labels.num_views], teacher[:: labels.num_views].detach(), labels.complete.y)
        return self.kd_loss(student, teacher.detach(), labels.complete.rows)

    def freeze_idle_branches(self, networks: Iterable[SSAClassifier]) -> None:
        """Take branches that no term trains out of training: DDP would wait for their gradients."""
        if not (self.weight['kl_q'] or self.weight['aux']):
            for network in networks:
                if network.auxiliary_neck is not None:
                    network.auxiliary_neck.requires_grad_(False)
