"""Online HSSAKD: peers that train together and mimic each other."""

from itertools import product
from typing import Dict, List, Optional, Sequence, Tuple, Union

import torch
import torch.nn.functional as F
from mmengine.model import ModuleList
from mmpretrain.models.classifiers import BaseClassifier
from mmpretrain.structures import DataSample

from mmhssakd.models.classifiers import SSAClassifier
from mmhssakd.models.data_preprocessor import preprocessor_config
from mmhssakd.models.labels import Labels, read_labels
from mmhssakd.models.losses.terms import Logits, accuracies, named_losses
from mmhssakd.registry import MODELS
from .criterion import Criterion


@MODELS.register_module()
class OnlineHSSAKD(BaseClassifier):
    """Mutual distillation of two or more peers, without a teacher.

    ``L_online`` of docs/method.md: each peer's own ``L_teacher`` and, toward the detached outputs of every other
    peer, ``L_kl_q + L_kl_p``, averaged over the others. All peers see the same views.

    Evaluation is of the ensemble (mean of the peers' probabilities); :class:`mmhssakd.PeersAccuracy` reports each
    peer as well. In checkpoints a peer is ``peers.<i>.*``; ``tools/model_converters/export_peer.py`` takes it out.

    Args:
        peers (Sequence[dict]): Configs of two or more :class:`SSAClassifier`, of any architectures.
        kd_loss (dict), kd_loss_q (dict, optional), kl_p_views (str): See :class:`HSSAKD`.
        loss_weight (dict, optional): Factors of the terms ``task``, ``aux``, ``kl_q``, ``kl_p``. Defaults to 1 each.
        data_preprocessor (dict, optional): As in mmpretrain.
        init_cfg (dict, optional): Initialization config.

    Raises:
        TypeError: A peer is no :class:`SSAClassifier`.
        ValueError: There are fewer than two peers, or they differ in classes, views or number of branches, or have
            data preparation of their own.
    """

    def __init__(
        self,
        peers: Sequence[dict],
        kd_loss: dict = dict(type='KDLoss', tau=3.0),
        kd_loss_q: Optional[dict] = None,
        loss_weight: Optional[dict] = None,
        kl_p_views: str = 'all',
        data_preprocessor: Optional[dict] = None,
        init_cfg: Optional[dict] = None,
    ) -> None:
        num_classes = next((peer.get('head', {}).get('num_classes') for peer in peers), None)
        super().__init__(init_cfg=init_cfg, data_preprocessor=preprocessor_config(data_preprocessor, num_classes))
        for i, key in product(range(len(peers)), ('data_preprocessor', 'train_cfg')):
            if peers[i].get(key):
                raise ValueError(
                    f'model.peers.{i}.{key}={dict(peers[i][key])} would not be used: all peers see the '
                    'same images, prepared by model.data_preprocessor. Remove it.'
                )
        peers = [MODELS.build(dict(dict(type='mmhssakd.SSAClassifier'), **peer)) for peer in peers]
        self._check(peers)
        self.peers = ModuleList(peers)
        self.num_views = peers[0].num_views
        self.num_classes = peers[0].num_classes
        self.criterion = Criterion(kd_loss, kd_loss_q, loss_weight, kl_p_views, aux=1.0)
        self.criterion.freeze_idle_branches(peers)

    @staticmethod
    def _check(peers: List[SSAClassifier]) -> None:
        if len(peers) < 2:
            raise ValueError(f'model.peers needs two or more configs, but got {len(peers)}.')
        if not all(isinstance(peer, SSAClassifier) for peer in peers):
            names = [type(peer).__name__ for peer in peers]
            raise TypeError(f'Each of model.peers must be an SSAClassifier, but got {names}.')
        branches = [len(peer.auxiliary_neck.branches) if peer.auxiliary_neck else 0 for peer in peers]
        for what, mend, values in (
            ('classes', 'model.peers.*.head.num_classes', [peer.num_classes for peer in peers]),
            ('views', 'model.peers.*.views', [peer.num_views for peer in peers]),
            ('auxiliary branches', 'the taps of model.peers.*.auxiliary_neck', branches),
        ):
            if len(set(values)) > 1:
                raise ValueError(f'The peers have different numbers of {what}, {values}: make {mend} agree.')

    def forward(
        self, inputs: torch.Tensor, data_samples: Optional[List[DataSample]] = None, mode: str = 'tensor'
    ) -> Union[torch.Tensor, List[DataSample], Dict[str, torch.Tensor]]:
        """As in mmpretrain: ``mode`` is 'tensor' (log-probabilities of the ensemble), 'predict' or 'loss'."""
        if mode == 'tensor':
            return self.peer_scores(inputs).mean(0).log()
        return self.loss(inputs, data_samples) if mode == 'loss' else self.predict(inputs, data_samples)

    def extract_feat(self, inputs: torch.Tensor) -> Tuple[torch.Tensor]:
        """Features of the first peer, after its neck."""
        return self.peers[0].extract_feat(inputs)

    def peer_scores(self, inputs: torch.Tensor) -> torch.Tensor:
        """Probabilities of every peer's main head for images (B, C, H, W): (P, B, N)."""
        return torch.stack([F.softmax(peer(inputs), dim=1) for peer in self.peers])

    def predict(self, inputs: torch.Tensor, data_samples: Optional[List[DataSample]] = None) -> List[DataSample]:
        """Predict by the ensemble; ``peer_scores`` (P, N) of a sample holds the peers' own probabilities."""
        scores = self.peer_scores(inputs)
        samples = [DataSample() for _ in range(len(inputs))] if data_samples is None else data_samples
        for i, sample in enumerate(samples):
            ensemble = scores[:, i].mean(0)
            sample.set_pred_score(ensemble).set_pred_label(ensemble.argmax(0, keepdim=True))
            sample.set_field(scores[:, i], 'peer_scores')
        return samples

    def loss(self, inputs: torch.Tensor, data_samples: List[DataSample]) -> Dict[str, torch.Tensor]:
        """Losses of a batch of normalized images.

        Args:
            inputs (Tensor): (B, C, H, W), or views (B, M, C, H, W).
            data_samples (list[DataSample]): B samples, labelled by ``gt_label`` or not; ``loss_task`` and ``loss_aux``
                are means over the labelled ones.

        Returns:
            dict: ``loss_task``, ``loss_aux``, ``loss_kl_q``, ``loss_kl_p``, summed over the peers, and for the log
            ``peer<i>_*`` with each peer's accuracies and shares.
        """
        labels = read_labels(data_samples, self.num_views, inputs.device)
        views = self.peers[0].make_views(inputs)
        outputs = [peer.forward_views(views) for peer in self.peers]
        losses: Dict[str, torch.Tensor] = {}
        for i, peer in enumerate(self.peers):
            own = self.peer_losses(peer, outputs[i], outputs[:i] + outputs[i + 1 :], data_samples, labels)
            for name, value in own.items():
                if name.startswith('loss'):
                    losses[name] = losses.get(name, 0.0) + value
                else:
                    losses[f'peer{i}_{name}'] = value
        return losses

    def peer_losses(
        self, peer: SSAClassifier, logits: Logits, others: List[Logits], data_samples: List[DataSample], labels: Labels
    ) -> Dict[str, torch.Tensor]:
        """One peer's share of ``L_online``, toward the outputs of the others."""
        # L_task = CE(p(x), y)
        loss_task = peer.task_loss(logits.p, data_samples, labels)
        # 1/M sum_j sum_l CE(q_l(t_j(x)), k_j)
        loss_aux = peer.auxiliary_losses(logits.q, labels) if self.criterion.weight['aux'] else []
        # L_kl_q and L_kl_p toward each of the others, in the mean
        kl_q = [self.criterion.kl_q(logits.q, other.q, labels) for other in others]
        loss_kl_q = [sum(shares) / len(others) for shares in zip(*kl_q)]
        loss_kl_p = sum(self.criterion.kl_p(logits.p, other.p, labels) for other in others) / len(others)
        terms = dict(task=loss_task, aux=loss_aux, kl_q=loss_kl_q, kl_p=loss_kl_p)
        return {**named_losses(self.criterion.weight, **terms), **accuracies(logits, labels)}
