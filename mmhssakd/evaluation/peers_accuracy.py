"""Accuracy of every peer of an online distillation, and of their ensemble."""

from typing import List

from mmpretrain.evaluation import Accuracy

from mmhssakd.registry import METRICS


@METRICS.register_module()
class PeersAccuracy(Accuracy):
    """mmpretrain's ``Accuracy`` of the ensemble (``top1``) and of each peer (``peer0_top1``, ...).

    Arguments and prefix are those of ``Accuracy``, so the ensemble's name is the usual ``accuracy/top1``.
    """

    def process(self, data_batch: dict, data_samples: List[dict]) -> None:
        """Keep the scores of one batch of predictions of :class:`OnlineHSSAKD`.

        Raises:
            ValueError: The model predicts no ``peer_scores``.
        """
        if any('peer_scores' not in sample for sample in data_samples):
            raise ValueError(
                "PeersAccuracy is for OnlineHSSAKD; this model has no peers: use type='Accuracy' in "
                'val_evaluator and test_evaluator.'
            )
        super().process(data_batch, data_samples)
        for result, sample in zip(self.results[-len(data_samples) :], data_samples):
            result['peer_scores'] = sample['peer_scores'].cpu()

    def compute_metrics(self, results: List[dict]) -> dict:
        """Compute ``top<k>`` of the ensemble and ``peer<i>_top<k>`` of each peer, in percent."""
        metrics = super().compute_metrics(results)
        for i in range(len(results[0]['peer_scores'])):
            own = [dict(result, pred_score=result['peer_scores'][i]) for result in results]
            for name, value in super().compute_metrics(own).items():
                metrics[f'peer{i}_{name}'] = value
        return metrics
