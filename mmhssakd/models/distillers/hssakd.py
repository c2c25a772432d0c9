"""Offline HSSAKD: a student that mimics a frozen teacher's p and q_1 .. q_L on all views."""

from contextlib import nullcontext
from functools import cached_property
from typing import Callable, Dict, List, Optional, Sequence

import torch
import torch.nn as nn
from mmpretrain.models import ImageClassifier
from mmpretrain.structures import DataSample

from mmhssakd.models.classifiers import SSAClassifier
from mmhssakd.models.labels import read_labels
from mmhssakd.models.losses.terms import Logits, accuracies, named_losses
from mmhssakd.models.necks.features import last_map, tapped
from mmhssakd.registry import MODELS
from .criterion import Criterion
from .preparation import Preparation
from .teacher import build_teacher, match_branches, teacher_dtype
from .teacher_cache import TeacherCache


@MODELS.register_module()
class HSSAKD(SSAClassifier):
    """*Knowledge Distillation Using Hierarchical Self-Supervision Augmented Distribution* (arXiv 2109.03075).

    ``L_student = L_task + L_kl_q + L_kl_p``, as docs/method.md defines them.

    The teacher is no submodule: it moves with the model, but is in no state dict, checkpoint or optimizer. It is built
    when it is first asked for, which is before training: inference needs neither its config nor its checkpoint.

    Args:
        teacher (dict, optional): ``config`` (a config file or a model dict), ``checkpoint`` (a path or URL), and, if it
            sees images in another size, ``size`` (pixels) and ``interpolation``; its mean, standard deviation and
            channel order are those of its config's ``data_preprocessor``. ``dtype='bfloat16'`` computes the teacher
            alone in mixed precision. ``cache`` is a file that keeps what it says of a data set in
            ``mmhssakd.FixedCrops`` (docs/performance.md). None is a student that cannot be trained.
        kd_loss (dict): The mimicry loss of p; it holds the temperature. Defaults to ``dict(type='KDLoss', tau=3)``.
        loss_weight (dict, optional): Factors of the terms ``task``, ``kl_q``, ``kl_p``, by default 1, and ``aux``
            (cross-entropy of the student's own branches), by default 0. A term with factor 0 is not computed (``task``
            is, for the log).
        kl_p_views (str): ``'all'`` (default) mimics p on every view, ``'unrotated'`` on the images alone.
        kd_loss_q (dict, optional): The mimicry loss of each q_l. Defaults to ``kd_loss``.
        branch_map (Sequence[int], optional): For each of the student's branches the teacher's branch, from 0, that
            it mimics. Defaults to the branch of the same number.
        dense (dict, optional): A loss of the two last feature maps, such as :class:`DenseLoss`, for students that
            become detectors; ``out_channels`` are the teacher's. Defaults to None, as in the paper.
        **kwargs: Arguments of :class:`SSAClassifier`. Without ``auxiliary_neck`` and ``views`` this is KD.

    Raises:
        ValueError: An option is none of these. Of what does not fit in the teacher, :attr:`teacher` tells.
    """

    def __init__(
        self,
        teacher: Optional[dict] = None,
        kd_loss: dict = dict(type='KDLoss', tau=3.0),
        loss_weight: Optional[dict] = None,
        kl_p_views: str = 'all',
        kd_loss_q: Optional[dict] = None,
        branch_map: Optional[Sequence[int]] = None,
        dense: Optional[dict] = None,
        **kwargs,
    ) -> None:
        super().__init__(**kwargs)
        self.criterion = Criterion(kd_loss, kd_loss_q, loss_weight, kl_p_views, aux=0.0)
        self.criterion.freeze_idle_branches([self])
        self.teacher_config, self.branch_map = teacher, branch_map
        self.teacher_dtype = teacher_dtype(teacher)
        file = (teacher or {}).get('cache')
        self.cache = file and TeacherCache(file, self.num_views)
        self.dense = dense and MODELS.build({'type': 'DenseLoss', 'in_channels': self.head.in_channels, **dense})
        if self.dense and self.cache:
            raise ValueError('model.dense needs feature maps, which model.teacher.cache does not keep: remove one.')
        self.preparation: nn.Module = nn.Identity()  # of the teacher's images; known with the teacher

    @cached_property  # which nn.Module does not see: no state_dict(), parameters() or train() reaches the teacher
    def teacher(self) -> Optional[ImageClassifier]:
        """The frozen teacher, on the student's device.

        Raises:
            FileNotFoundError: Its config or checkpoint does not exist.
            ValueError: Teacher and student do not fit together; the message says what differs.
        """
        if self.teacher_config is None:
            return None
        options = {name: value for name, value in self.teacher_config.items() if name not in ('dtype', 'cache')}
        images = {name: options.pop(name) for name in ('size', 'interpolation') if name in options}
        teacher = build_teacher(**options, num_classes=self.num_classes)
        self.branch_map = match_branches(self, teacher, self.branch_map)
        weight = next(self.parameters())
        preparation = Preparation(self.data_preprocessor, teacher.data_preprocessor, **images)
        self.preparation = preparation.to(weight.device, weight.dtype)
        return teacher.to(weight.device, weight.dtype, memory_format=self.memory_format)

    def init_weights(self) -> None:
        """Initialize the student, once the teacher is there."""
        self.teacher  # noqa: B018  built here, so that what is wrong with it stops the run before its first step
        super().init_weights()

    def _apply(self, fn: Callable, recurse: bool = True) -> 'HSSAKD':
        """Move or cast the teacher along; torch's, private: ``to``, ``cuda``, ``double``, ... all come through here."""
        super()._apply(fn, recurse)
        if self.__dict__.get('teacher') is not None:
            self.teacher._apply(fn, recurse)
        return self

    @torch.no_grad()
    def teach(self, views: torch.Tensor) -> Logits:
        """Logits of the teacher's p, and of the q_l that the student's branches mimic, on the student's views.

        Args:
            views (Tensor): (B * M, C, H, W), normalized for the student; the teacher gets them in its own preparation.
        """
        if next(self.teacher.parameters()).device != views.device:  # FSDP moves the parameters that it manages, no more
            self.teacher.to(views.device)
        views, dtype = self.preparation(views), self.teacher_dtype
        with torch.autocast(views.device.type, dtype) if dtype else nullcontext():
            if self.auxiliary_neck is None:
                logits = Logits(self.teacher(views, mode='tensor'), [])
            else:
                logits = self.teacher.forward_views(views)
        p, q = logits.p, [logits.q[i] for i in self.branch_map]
        return Logits(p.to(views.dtype), [logits.to(views.dtype) for logits in q]) if dtype else Logits(p, q)

    def loss(self, inputs: torch.Tensor, data_samples: List[DataSample]) -> Dict[str, torch.Tensor]:
        """``L_student`` of a batch of normalized images.

        Args:
            inputs (Tensor): (B, C, H, W), or views (B, M, C, H, W).
            data_samples (list[DataSample]): B samples, labelled by ``gt_label`` or not; ``L_task`` is the mean over the
                labelled ones, mimicry over all.

        Returns:
            dict: ``loss_task``, ``loss_kl_q``, ``loss_kl_p`` (and ``loss_aux`` if it has a weight, ``loss_dense`` if
            there is one), and for the log ``acc_p`` and per branch ``kl_q*`` (share of ``loss_kl_q``) and ``acc_q*``.
        """
        if self.teacher is None:
            raise RuntimeError('This student was built without a teacher: set model.teacher to train it.')
        with_aux = bool(self.criterion.weight['aux'])  # not in the paper
        # mimicry itself needs no labels
        labels = read_labels(data_samples, self.num_views, inputs.device, mixed=not with_aux)
        views = self.make_views(inputs)  # t_j(x)
        maps = ['backbone'] if self.dense else []  # the last feature maps F
        with tapped(self, maps) as student_maps, tapped(self.teacher, maps) as teacher_maps:
            teacher = self.cache(self.teach, views, data_samples) if self.cache else self.teach(views)
            student = self.forward_views(views)
        loss_aux = self.auxiliary_losses(student.q, labels) if with_aux else []

        # L_task = CE(p^S(x), y)
        loss_task = self.task_loss(student.p, data_samples, labels)
        # L_kl_q = 1/M sum_j sum_l tau^2 KL(q_l^T(t_j(x)) || q_l^S(t_j(x)))
        loss_kl_q = self.criterion.kl_q(student.q, teacher.q, labels)
        # L_kl_p = 1/M sum_j tau^2 KL(p^T(t_j(x)) || p^S(t_j(x)))
        loss_kl_p = self.criterion.kl_p(student.p, teacher.p, labels)
        terms = dict(task=loss_task, kl_q=loss_kl_q, kl_p=loss_kl_p, aux=loss_aux)
        if self.dense:  # not in the paper
            terms['dense'] = self.dense(last_map(student_maps['backbone']), last_map(teacher_maps['backbone']))
        weight = dict(self.criterion.weight, dense=1.0)  # its own weight is in the loss
        return {**named_losses(weight, **terms), **accuracies(student, labels)}
