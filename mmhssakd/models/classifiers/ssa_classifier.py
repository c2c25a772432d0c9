"""A classifier with auxiliary self-supervision augmented classifiers: the network that distils, and its teacher."""

from typing import Dict, List, Optional, Tuple

import torch
import torch.nn.functional as F
from mmpretrain.models import ImageClassifier
from mmpretrain.structures import DataSample

from mmhssakd.models.data_preprocessor import check_labels
from mmhssakd.registry import MODELS, TRANSFORMS
from mmhssakd.utils.checkpoint import compare, read_state_dict

Logits = Tuple[torch.Tensor, List[torch.Tensor]]


def accuracy(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Top-1 accuracy in percent, without leaving the device."""
    return (logits.detach().argmax(1) == labels).float().mean() * 100


def joint_labels(labels: torch.Tensor, num_views: int) -> torch.Tensor:
    """Joint labels ``k_j = M * y + j`` of class and view: (B, ) to (B * M, )."""
    return (num_views * labels[:, None] + torch.arange(num_views, device=labels.device)).flatten()


@MODELS.register_module()
class SSAClassifier(ImageClassifier):
    """An mmpretrain ``ImageClassifier`` with auxiliary classifiers of joint labels; trains a teacher (Eq. 4).

    ``loss = CE(p(x), y) + 1/M sum_j sum_l CE(q_l(t_j(x)), k_j)``

    Its checkpoints are ``backbone.*``, ``neck.*``, ``head.*`` (what a plain ``ImageClassifier`` or a detector
    loads) and ``auxiliary_neck.*``. Prediction uses neither views nor branches.

    Args:
        backbone (dict): Config of the backbone.
        head (dict): Config of the head, as in mmpretrain. It holds the number of classes.
        auxiliary_neck (dict, optional): Config of :class:`AuxiliaryNeck`, at least its ``taps``. None builds no
            branches. Defaults to None.
        views (dict, optional): The self-supervised task that makes M views of each image. None keeps the images
            alone (M = 1). Defaults to rotation.
        frozen (bool): Keep backbone, neck and head as they were loaded, in eval mode, and train the branches
            alone on detached features (the paper's teacher; ``False`` is its jointly trained "Teacher*").
            Defaults to False.
        channels_last (bool): Keep convolutions and images in channels-last memory format, which gives the same
            numbers faster. Defaults to True.
        data_preprocessor (dict, optional): As in mmpretrain.
        **kwargs: ``neck``, ``train_cfg``, ``init_cfg``, ``pretrained`` of ``ImageClassifier``.
    """

    def __init__(
        self,
        backbone: dict,
        head: dict,
        auxiliary_neck: Optional[dict] = None,
        views: Optional[dict] = dict(type='mmhssakd.RotateViews'),
        frozen: bool = False,
        channels_last: bool = True,
        data_preprocessor: Optional[dict] = None,
        **kwargs,
    ) -> None:
        data_preprocessor = dict(data_preprocessor or {})
        data_preprocessor.setdefault('type', 'mmhssakd.ViewsDataPreprocessor')
        data_preprocessor['num_classes'] = head.get('num_classes')
        super().__init__(
            backbone=MODELS.build(backbone), head=MODELS.build(head), data_preprocessor=data_preprocessor, **kwargs
        )
        self.views = None if views is None else TRANSFORMS.build(views)
        self.num_views = 1 if self.views is None else self.views.num_views
        self.num_classes = self.head.num_classes
        self.auxiliary_neck = None
        if auxiliary_neck is not None:
            auxiliary_neck = dict(auxiliary_neck)
            auxiliary_neck.setdefault('type', 'AuxiliaryNeck')
            auxiliary_neck.setdefault('in_channels', self.head.in_channels)
            self.auxiliary_neck = MODELS.build(
                dict(auxiliary_neck, backbone=backbone, num_labels=self.num_classes * self.num_views)
            )
        self.frozen = frozen
        if frozen and auxiliary_neck is None:
            raise ValueError('model.frozen=True trains the branches alone: set model.auxiliary_neck.')
        if frozen:
            for module in self._frozen_modules():
                module.requires_grad_(False)
        self.memory_format = torch.channels_last if channels_last else torch.contiguous_format
        self.to(memory_format=self.memory_format)

    def init_weights(self) -> None:
        """Initialise; what is frozen must come from a checkpoint that holds all of it.

        Raises:
            ValueError: ``frozen`` without pretrained weights, or with weights that do not fit.
        """
        if self.frozen:
            if not isinstance(self.init_cfg, dict) or self.init_cfg.get('type') != 'Pretrained':
                raise ValueError(
                    'model.frozen=True keeps backbone and head as they are loaded: set model.init_cfg='
                    "dict(type='Pretrained', checkpoint=...)."
                )
            checkpoint, where = self.init_cfg['checkpoint'], 'model.init_cfg.checkpoint'
            frozen = {
                name: value for name, value in self.state_dict().items() if not name.startswith('auxiliary_neck.')
            }
            found = {name: value for name, value in read_state_dict(checkpoint, where).items() if name in frozen}
            difference = compare(frozen, found)
            if difference:
                raise ValueError(f'{where}: {checkpoint} does not hold the frozen backbone and head.\n{difference}')
        super().init_weights()

    def _frozen_modules(self) -> list:
        return [module for module in (self.backbone, self.neck, self.head) if module is not None]

    def train(self, mode: bool = True) -> 'SSAClassifier':
        """Set the training mode; what is frozen stays in eval mode."""
        super().train(mode)
        if self.frozen:
            for module in self._frozen_modules():
                module.eval()
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
            tuple: Logits of p, (B * M, N), and the list of logits of q_1 .. q_L, each (B * M, N * M).
        """
        if self.auxiliary_neck is None:
            return self.head(self.extract_feat(views)), []
        with (
            self.auxiliary_neck.tap(self.backbone) as features,
            torch.set_grad_enabled(torch.is_grad_enabled() and not self.frozen),
        ):
            logits = self.head(self.extract_feat(views))
        return logits, self.auxiliary_neck(features)

    def joint_labels(self, labels: torch.Tensor) -> torch.Tensor:
        """Joint labels of all views of the images, see :func:`joint_labels`."""
        return joint_labels(labels, self.num_views)

    def task_loss(self, logits: torch.Tensor, data_samples: List[DataSample]) -> Dict[str, torch.Tensor]:
        """Cross-entropy of the main head on the unrotated rows, by the head's own loss module.

        Args:
            logits (Tensor): Logits of p on all views, (B * M, N).
            data_samples (list[DataSample]): B samples.

        Returns:
            dict: ``loss_task`` and ``acc_p`` (percent; absent for soft labels).
        """
        logits = logits[:: self.num_views]
        losses = dict(loss_task=self.head._get_loss(logits, data_samples)['loss'])
        if not is_mixed(data_samples):
            losses['acc_p'] = accuracy(logits, torch.cat([sample.gt_label for sample in data_samples]))
        return losses

    def auxiliary_loss(self, aux_logits: List[torch.Tensor], labels: torch.Tensor) -> Dict[str, torch.Tensor]:
        """Cross-entropy of every branch on the joint labels of all views.

        Args:
            aux_logits (list[Tensor]): Logits of q_1 .. q_L, each (B * M, N * M).
            labels (Tensor): Class labels, (B, ).

        Returns:
            dict: ``loss_aux`` (the sum) and each branch's share ``ce_q1`` .. ``ce_qL``.
        """
        targets = self.joint_labels(labels)
        shares = [F.cross_entropy(logits, targets) for logits in aux_logits]  # 1/M sum_j CE(q_l(t_j(x)), k_j)
        return dict(loss_aux=sum(shares), **named('ce_q', shares))  # type: ignore[dict-item]

    @torch.no_grad()
    def auxiliary_accuracy(self, aux_logits: List[torch.Tensor], labels: torch.Tensor) -> Dict[str, torch.Tensor]:
        """Accuracy of every branch on the joint labels, in percent: ``acc_q1`` .. ``acc_qL``."""
        targets = self.joint_labels(labels)
        return named('acc_q', [accuracy(logits, targets) for logits in aux_logits])

    def loss(self, inputs: torch.Tensor, data_samples: List[DataSample]) -> Dict[str, torch.Tensor]:
        """Losses of a batch of normalised images.

        Args:
            inputs (Tensor): (B, C, H, W), or views (B, M, C, H, W).
            data_samples (list[DataSample]): B samples with ``gt_label``.

        Returns:
            dict: ``loss_task`` and ``loss_aux``, and for the log ``acc_p``, ``ce_q*`` and ``acc_q*``.
        """
        labels = hard_labels(data_samples)
        check_labels(labels, self.num_classes)
        logits, aux_logits = self.forward_views(self.make_views(inputs))
        losses = self.task_loss(logits, data_samples)
        if aux_logits:
            losses.update(self.auxiliary_loss(aux_logits, labels))
            losses.update(self.auxiliary_accuracy(aux_logits, labels))
        return losses


def named(prefix: str, values: List[torch.Tensor]) -> Dict[str, torch.Tensor]:
    """Number values from 1, detached, for the log: ``{prefix}1``, ``{prefix}2``, ..."""
    return {f'{prefix}{i}': value.detach() for i, value in enumerate(values, start=1)}


def is_mixed(data_samples: List[DataSample]) -> bool:
    """Whether a batch augmentation such as mixup replaced the labels by scores."""
    return 'gt_score' in data_samples[0]


def hard_labels(data_samples: List[DataSample]) -> torch.Tensor:
    """Class labels (B, ) of single-label samples.

    Raises:
        ValueError: A sample has no label, or several, or the images are mixed.
    """
    if is_mixed(data_samples):
        raise ValueError(
            'Mixed images (mixup, cutmix) have no joint label of class and view: remove '
            'model.train_cfg.augments, and data_preprocessor.to_onehot.'
        )
    if any('gt_label' not in sample or sample.gt_label.numel() != 1 for sample in data_samples):
        raise ValueError('Each data sample needs exactly one gt_label. Multi-label data cannot be distilled by HSSAKD.')
    return torch.cat([sample.gt_label for sample in data_samples])
