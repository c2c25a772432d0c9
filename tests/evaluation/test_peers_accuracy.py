import pytest
import torch
from mmengine.evaluator import Evaluator

from mmhssakd.evaluation import PeersAccuracy


def sample(label, *scores):
    scores = torch.tensor(scores)
    return dict(gt_label=torch.tensor([label]), pred_score=scores.mean(0), peer_scores=scores)


def test_every_peer_and_the_ensemble():
    evaluator = Evaluator(PeersAccuracy(topk=(1, 2)))
    evaluator.process([sample(0, [0.6, 0.3, 0.1], [0.9, 0.1, 0.0]), sample(1, [0.6, 0.3, 0.1], [0.0, 0.8, 0.2])])
    evaluator.process([sample(2, [0.1, 0.2, 0.7], [0.5, 0.4, 0.1])])
    metrics = evaluator.evaluate(3)
    assert metrics['accuracy/peer0_top1'] == pytest.approx(200 / 3)
    assert metrics['accuracy/peer1_top1'] == pytest.approx(200 / 3)
    assert metrics['accuracy/top1'] == pytest.approx(100)
    assert metrics['accuracy/peer1_top2'] == pytest.approx(200 / 3)


def test_model_without_peers():
    evaluator = Evaluator(PeersAccuracy())
    with pytest.raises(ValueError, match="use type='Accuracy'"):
        evaluator.process([dict(gt_label=torch.tensor([0]), pred_score=torch.ones(3))])
