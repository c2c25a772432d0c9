"""Offline HSSAKD: a student that mimics a frozen teacher's p and q_1 .. q_L on all views."""

from typing import Any, Callable, Dict, List, Optional, Sequence

import torch
from mmpretrain.models import ImageClassifier
from mmpretrain.structures import DataSample

from mmhssakd.models.classifiers.ssa_classifier import Logits, SSAClassifier, hard_labels, is_mixed
from mmhssakd.models.data_preprocessor import check_labels
from mmhssakd.registry import MODELS
from .mimicry import MimicryMixin
from .teacher import build_teacher


def normalisation(preprocessor: Any) -> dict:
    """Mean, standard deviation and channel order of a data preprocessor; empty if it does not normalise."""
    if not hasattr(preprocessor, 'mean'):
        return {}
    return dict(
        mean=preprocessor.mean.flatten().tolist(), std=preprocessor.std.flatten().tolist(), to_rgb=preprocessor.to_rgb
    )


@MODELS.register_module()
class HSSAKD(MimicryMixin, SSAClassifier):
    """Hierarchical self-supervision augmented knowledge distillation (Eq. 8).

    ``loss = CE(p^S(x), y) + 1/M sum_j sum_l tau^2 KL(q_l^T || q_l^S) + 1/M sum_j tau^2 KL(p^T || p^S)``

    The teacher is a plain attribute, not a submodule: it moves with the model, stays in eval mode, takes no
    gradient, and is in no state dict, checkpoint or optimiser.

    Args:
        teacher (dict, optional): ``config`` (a config file or a model dict) and ``checkpoint`` (a path or URL).
            None builds the student alone, for testing.
        kd_loss (dict): The mimicry loss of p; it holds the temperature. Defaults to ``dict(type='KDLoss', tau=3)``.
        kd_loss_q (dict, optional): The mimicry loss of each q_l. Defaults to ``kd_loss``.
        loss_weight (dict, optional): Factors of the terms ``task``, ``kl_q``, ``kl_p`` (1 each, as in the paper)
            and ``aux`` (cross-entropy of the student's own branches, 0 in the paper). A term with factor 0 is
            not computed (``task`` is, for the log). Defaults to None.
        kl_p_views (str): ``'all'`` mimics p on every view (the paper), ``'unrotated'`` on the images alone.
            Defaults to ``'all'``.
        branch_map (Sequence[int], optional): For each of the student's branches the teacher's branch, from 0, that
            it mimics. Defaults to the branch of the same number.
        **kwargs: Arguments of :class:`SSAClassifier`. Without ``auxiliary_neck`` and ``views`` this is KD.

    Raises:
        ValueError: Teacher and student do not fit together; the message says what differs.
    """

    teacher: Optional[ImageClassifier] = None

    def __init__(
        self,
        teacher: Optional[dict] = None,
        kd_loss: dict = dict(type='KDLoss', tau=3.0),
        loss_weight: Optional[dict] = None,
        kl_p_views: str = 'all',
        kd_loss_q: Optional[dict] = None,
        branch_map: Optional[Sequence[int]] = None,
        **kwargs,
    ) -> None:
        super().__init__(**kwargs)
        self._init_mimicry(kd_loss, kd_loss_q, loss_weight, kl_p_views, dict(task=1.0, kl_q=1.0, kl_p=1.0, aux=0.0))
        self._freeze_idle_branches(self)
        self.branch_map = branch_map
        if teacher is not None:
            # Not a submodule: nn.Module would put it into state_dict, parameters() and train().
            object.__setattr__(self, 'teacher', build_teacher(**teacher, num_classes=self.num_classes))
            self.teacher.to(memory_format=self.memory_format)
            self._check_branches()
            self._check_normalisation()

    def _check_branches(self) -> None:
        if self.auxiliary_neck is None:
            return
        branches = len(self.auxiliary_neck.branches)
        teacher_neck = getattr(self.teacher, 'auxiliary_neck', None)
        available = 0 if teacher_neck is None else len(teacher_neck.branches)
        if self.branch_map is None and available != branches:
            raise ValueError(
                f'The teacher has {available} auxiliary branches, the student has {branches}: give '
                'model.auxiliary_neck and the model of model.teacher.config the same number of taps, or say with '
                f"model.branch_map which of the teacher's (0 .. {available - 1}) each of the student's mimics."
            )
        self.branch_map = tuple(range(branches) if self.branch_map is None else self.branch_map)
        if len(self.branch_map) != branches or not all(i in range(available) for i in self.branch_map):
            raise ValueError(
                f"model.branch_map={self.branch_map} must name one of the teacher's branches "
                f"0 .. {available - 1} for each of the student's {branches}."
            )
        if self.teacher.num_views != self.num_views:
            raise ValueError(
                f'The teacher was trained on {self.teacher.num_views} views, the student has '
                f'{self.num_views}: model.views must be the same for both.'
            )

    def _check_normalisation(self) -> None:
        """The teacher sees the views that the student's preprocessor has normalised."""
        student, teacher = (normalisation(model.data_preprocessor) for model in (self, self.teacher))
        if student and teacher and student != teacher:
            raise ValueError(
                f"The student's images are normalised by {student}, the teacher's by {teacher}: "
                'data_preprocessor must be that of model.teacher.config.'
            )

    def _apply(self, fn: Callable, recurse: bool = True) -> 'HSSAKD':
        """Move or cast the teacher along: ``to``, ``cuda``, ``double``, ... all come through here."""
        super()._apply(fn, recurse)
        if self.teacher is not None:
            self.teacher._apply(fn, recurse)
        return self

    @torch.no_grad()
    def teach(self, views: torch.Tensor) -> Logits:
        """Logits of the teacher's p, and of the q_l that the student's branches mimic, on the student's views."""
        if next(self.teacher.parameters()).device != views.device:  # FSDP moves the parameters that it manages, no more
            self.teacher.to(views.device)
        if self.auxiliary_neck is None:
            return self.teacher(views, mode='tensor'), []
        logits, aux_logits = self.teacher.forward_views(views)
        return logits, [aux_logits[i] for i in self.branch_map]

    def loss(self, inputs: torch.Tensor, data_samples: List[DataSample]) -> Dict[str, torch.Tensor]:
        """Losses of a batch of normalised images.

        Args:
            inputs (Tensor): (B, C, H, W), or views (B, M, C, H, W).
            data_samples (list[DataSample]): B samples with ``gt_label``.

        Returns:
            dict: ``loss_task``, ``loss_kl_q``, ``loss_kl_p`` (and ``loss_aux`` if it has a weight), and for the
            log ``acc_p`` and per branch ``kl_q*`` (its share of ``loss_kl_q``) and ``acc_q*``.
        """
        if self.teacher is None:
            raise RuntimeError('This student was built without a teacher: set model.teacher to train it.')
        labels = None
        if self.loss_weight['aux'] or not is_mixed(data_samples):  # mimicry itself needs no labels
            labels = hard_labels(data_samples)
            check_labels(labels, self.num_classes)
        views = self.make_views(inputs)
        teacher = self.teach(views)
        logits, aux_logits = self.forward_views(views)

        weight = self.loss_weight
        losses = self.task_loss(logits, data_samples)
        losses['loss_task'] = weight['task'] * losses['loss_task']
        losses.update(self.mimicry_losses((logits, aux_logits), teacher, labels))
        if aux_logits:
            if weight['aux']:
                losses.update(self.auxiliary_loss(aux_logits, labels))
                losses['loss_aux'] = weight['aux'] * losses['loss_aux']
            if labels is not None:
                losses.update(self.auxiliary_accuracy(aux_logits, labels))
        return losses
