"""A classifier with auxiliary self-supervision augmented classifiers: the network that distills, and its teacher."""

from typing import Dict, List, Optional, Union

import torch
import torch.nn.functional as F
from mmpretrain.models import ImageClassifier
from mmpretrain.structures import DataSample

from mmhssakd.compat.patches import stride_before_convolutions
from mmhssakd.models.data_preprocessor import preprocessor_config
from mmhssakd.models.labels import Labels, is_labelled, read_labels
from mmhssakd.models.losses.terms import Logits, accuracies, joint_or_view_loss, named_losses
from mmhssakd.registry import MODELS, TRANSFORMS
from mmhssakd.weights.checkpoint import load_weights


@MODELS.register_module()
class SSAClassifier(ImageClassifier):
    """An mmpretrain ``ImageClassifier`` with auxiliary classifiers of joint labels; trains a teacher.

    ``L_teacher = CE(p(x), y) + 1/M sum_j sum_l CE(q_l(t_j(x)), k_j)``, as docs/method.md defines it.

    Its checkpoints are a plain ``ImageClassifier``'s and ``auxiliary_neck.*``. Prediction uses neither views nor
    branches.

    Args:
        backbone (dict): Config of the backbone.
        head (dict): Config of the head, as in mmpretrain. It holds the number of classes.
        auxiliary_neck (dict, optional): Config of :class:`AuxiliaryNeck`. Defaults to None, no branches.
        views (dict, optional): The self-supervised task that makes M views of each image; None makes none (M = 1).
            Defaults to rotation.
        frozen (bool | str): True keeps backbone, neck and head as they were loaded, in eval mode, and trains the
            branches alone on detached features (the paper's teacher). ``'backbone'``, for a checkpoint without a head,
            trains a linear head with them, or alone. False (default) trains all (the paper's "Teacher*").
        views_of_unlabelled (bool): Let the branches' cross-entropy count images without a label, too: for these it is
            that of the view alone, whatever the class. Defaults to False.
        channels_last (bool): Keep convolutions and images in channels-last memory format: faster. Defaults to True.
        data_preprocessor (dict, optional): As in mmpretrain.
        **kwargs: ``neck``, ``train_cfg``, ``init_cfg``, ``pretrained`` of ``ImageClassifier``.
    """

    def __init__(
        self,
        backbone: dict,
        head: dict,
        auxiliary_neck: Optional[dict] = None,
        views: Optional[dict] = dict(type='mmhssakd.RotateViews'),
        frozen: Union[bool, str] = False,
        views_of_unlabelled: bool = False,
        channels_last: bool = True,
        data_preprocessor: Optional[dict] = None,
        **kwargs,
    ) -> None:
        super().__init__(
            backbone=MODELS.build(backbone),
            head=MODELS.build(head),
            data_preprocessor=preprocessor_config(data_preprocessor, head.get('num_classes')),
            **kwargs,
        )
        if views and 'type' not in views:
            raise ValueError(f"model.views={views} has no type, such as 'mmhssakd.RotateViews', which makes 4 views.")
        self.views = views and TRANSFORMS.build(views)
        self.num_views = self.views.num_views if self.views else 1
        self.num_classes = self.head.num_classes
        self.auxiliary_neck = None
        if auxiliary_neck is not None:
            defaults = dict(type='AuxiliaryNeck', in_channels=self.head.in_channels)
            derived = dict(backbone=backbone, num_labels=self.num_classes * self.num_views)
            self.auxiliary_neck = MODELS.build({**defaults, **auxiliary_neck, **derived})
        self.views_of_unlabelled = views_of_unlabelled
        self.frozen = frozen
        if frozen not in (True, False, 'backbone'):
            raise ValueError(f"model.frozen must be True, False or 'backbone', but got {frozen!r}.")
        # modules that train although the others are frozen
        self.trained = ('auxiliary_neck', 'head') if frozen == 'backbone' else ('auxiliary_neck',)
        if frozen:
            if auxiliary_neck is None and frozen != 'backbone':
                raise ValueError('model.frozen=True trains the branches alone: set model.auxiliary_neck.')
            for name, module in self.named_children():
                module.requires_grad_(name in self.trained)
        self.memory_format = torch.channels_last if channels_last else torch.contiguous_format
        self.to(memory_format=self.memory_format)
        if channels_last:
            stride_before_convolutions(self)

    def init_weights(self) -> None:
        """Initialize; what is frozen must come from a checkpoint that holds all of it.

        Raises:
            ValueError: ``frozen`` without pretrained weights, or with weights that do not fit.
        """
        if not self.frozen:
            super().init_weights()
        else:
            if not isinstance(self.init_cfg, dict) or self.init_cfg.get('type') != 'Pretrained':
                mend = "set model.init_cfg=dict(type='Pretrained', checkpoint=...)."
                raise ValueError(f'model.frozen=True keeps backbone and head as they are loaded: {mend}')
            # as mmengine would, but under our names
            load_weights(self, self.init_cfg['checkpoint'], 'model.init_cfg.checkpoint', others=self.trained)
            self._is_init = True

    def train(self, mode: bool = True) -> 'SSAClassifier':
        """Set the training mode; what is frozen stays in eval mode."""
        super().train(mode)
        if self.frozen:
            for name, module in self.named_children():
                module.train(mode and name in self.trained)
        return self

    def make_views(self, images: torch.Tensor) -> torch.Tensor:
        """Make the M views of each image: (B, C, H, W) to (B * M, C, H, W), row ``M * b + j`` is view j of image b.

        Batches (B, M, C, H, W), whose views were made in the pipeline, are only flattened.
        """
        if images.ndim == 5:
            if images.shape[1] != self.num_views:
                raise ValueError(
                    f'The pipeline makes {images.shape[1]} views of an image, but model.views makes '
                    f'{self.num_views}: use the same task in both places.'
                )
            views = images.flatten(0, 1)
        else:
            views = images if self.views is None else self.views.expand(images)
        return views.contiguous(memory_format=self.memory_format)

    def forward_views(self, views: torch.Tensor) -> Logits:
        """Classify views with the main head and every branch.

        Args:
            views (Tensor): (B * M, C, H, W).

        Returns:
            Logits: ``p``, (B * M, N), and the list ``q`` of q_1 .. q_L, each (B * M, N * M).
        """
        if self.auxiliary_neck is None:
            return Logits(self.head(self.extract_feat(views)), [])
        with (
            self.auxiliary_neck.tap(self.backbone) as features,
            torch.set_grad_enabled(torch.is_grad_enabled() and not self.frozen),
        ):
            pooled = self.extract_feat(views)
        return Logits(self.head(pooled), self.auxiliary_neck(features))

    def task_loss(self, p: torch.Tensor, data_samples: List[DataSample], labels: Labels) -> torch.Tensor:
        """``L_task`` of logits (B * M, N) on unrotated rows of labelled images, by the head's own loss module."""
        rows = labels.select(p)[:: self.num_views]
        if not len(rows):
            return rows.sum()  # 0, with a graph: under DDP every process needs gradients
        # mmpretrain's, private: the public ``loss`` would compute the logits again
        return self.head._get_loss(rows, list(filter(is_labelled, data_samples)))['loss']

    def auxiliary_losses(self, q: List[torch.Tensor], labels: Labels) -> List[torch.Tensor]:
        """``1/M sum_j CE(q_l(t_j(x)), k_j)`` of each branch's logits (B * M, N * M), over labelled images."""
        if self.views_of_unlabelled and labels.labelled is not None:
            return [joint_or_view_loss(logits, labels) for logits in q]
        rows = [labels.select(logits) for logits in q]
        return [F.cross_entropy(logits, labels.k) if len(labels.k) else logits.sum() for logits in rows]

    def loss(self, inputs: torch.Tensor, data_samples: List[DataSample]) -> Dict[str, torch.Tensor]:
        """``L_teacher`` of a batch of normalized images.

        Args:
            inputs (Tensor): (B, C, H, W), or views (B, M, C, H, W).
            data_samples (list[DataSample]): B samples, labelled by ``gt_label`` or not; both terms are means over the
                labelled ones.

        Returns:
            dict: ``loss_task`` and ``loss_aux``, and for the log ``acc_p``, ``ce_q*`` and ``acc_q*``.
        """
        labels = read_labels(data_samples, self.num_views, inputs.device)
        logits = self.forward_views(self.make_views(inputs))

        # L_task = CE(p(x), y)
        loss_task = self.task_loss(logits.p, data_samples, labels)
        # 1/M sum_j sum_l CE(q_l(t_j(x)), k_j)
        loss_aux = self.auxiliary_losses(logits.q, labels)
        return {**named_losses(dict(task=1.0, aux=1.0), task=loss_task, aux=loss_aux), **accuracies(logits, labels)}
