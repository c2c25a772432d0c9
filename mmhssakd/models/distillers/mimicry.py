"""The mimicry terms that offline and online distillation share."""

from typing import Dict, Optional

import torch

from mmhssakd.models.classifiers.ssa_classifier import Logits, SSAClassifier, joint_labels, named
from mmhssakd.registry import MODELS

TERMS = ('task', 'kl_q', 'kl_p', 'aux')


class MimicryMixin:
    """Compare a network's p and q_1 .. q_L with another's (Eq. 6 and 7).

    A class that uses it calls :meth:`_init_mimicry` and has ``num_views``.
    """

    num_views: int

    def _init_mimicry(
        self,
        kd_loss: dict,
        kd_loss_q: Optional[dict],
        loss_weight: Optional[dict],
        kl_p_views: str,
        default_weight: dict,
    ) -> None:
        """Build the losses and check the options, see :class:`HSSAKD`.

        Raises:
            ValueError: ``loss_weight`` or ``kl_p_views`` holds something unknown.
        """
        # --cfg-options model.kd_loss.tau=4 sets no type
        self.kd_loss = MODELS.build(dict(dict(type='KDLoss'), **kd_loss))
        self.kd_loss_q = self.kd_loss if kd_loss_q is None else MODELS.build(dict(dict(type='KDLoss'), **kd_loss_q))
        unknown = sorted(set(loss_weight or {}) - set(TERMS))
        if unknown:
            raise ValueError(f'model.loss_weight has unknown terms {unknown}; it knows {", ".join(TERMS)}.')
        self.loss_weight = dict(default_weight, **(loss_weight or {}))
        if kl_p_views not in ('all', 'unrotated'):
            raise ValueError(f"model.kl_p_views must be 'all' or 'unrotated', but got {kl_p_views!r}.")
        self.kl_p_views = kl_p_views

    def _freeze_idle_branches(self, *networks: SSAClassifier) -> None:
        """Take branches that no term trains out of training: DDP would wait for their gradients."""
        if not (self.loss_weight['kl_q'] or self.loss_weight['aux']):
            for network in networks:
                if network.auxiliary_neck is not None:
                    network.auxiliary_neck.requires_grad_(False)

    def mimicry_losses(
        self, student: Logits, teacher: Logits, labels: Optional[torch.Tensor]
    ) -> Dict[str, torch.Tensor]:
        """Losses of one network toward another, whose logits take no gradient.

        Args:
            student (tuple): Logits of p, (B * M, N), and of q_1 .. q_L, each (B * M, N * M).
            teacher (tuple): The same of the other network.
            labels (Tensor, optional): Class labels, (B, ), for losses that need them; None for mixed images.

        Returns:
            dict: ``loss_kl_q`` (summed over branches), its shares ``kl_q1`` .. ``kl_qL`` for the log, and
            ``loss_kl_p``, weighted. A term with weight 0 is left out.
        """
        weight, losses = self.loss_weight, {}
        if student[1] and weight['kl_q']:
            targets = None if labels is None else joint_labels(labels, self.num_views)
            shares = [
                self.kd_loss_q(q, q_teacher.detach(), targets) for q, q_teacher in zip(student[1], teacher[1])
            ]  # Eq. 6
            losses.update(loss_kl_q=weight['kl_q'] * sum(shares), **named('kl_q', shares))
        if weight['kl_p']:
            step = self.num_views if self.kl_p_views == 'unrotated' else 1
            targets = None if labels is None else labels.repeat_interleave(self.num_views)[::step]
            losses['loss_kl_p'] = weight['kl_p'] * self.kd_loss(
                student[0][::step], teacher[0][::step].detach(), targets
            )  # Eq. 7
        return losses
