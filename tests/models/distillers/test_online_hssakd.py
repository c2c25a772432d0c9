import pytest
import small
import torch
from torch.nn.functional import cross_entropy

from mmhssakd.registry import MODELS


def peer(**kwargs):
    return small.config(**kwargs)


def build(*peers, **kwargs):
    return MODELS.build(dict(type='OnlineHSSAKD', peers=list(peers or [peer(), peer()]), **kwargs))


WIDE = peer(backbone=dict(small.R8, stem_channels=16, base_channels=16), head=dict(small.HEAD, in_channels=64))
LABELS = [0, 3, 9, 9]


def step(model, images=None):
    images = torch.randn(4, 3, 16, 16) if images is None else images
    return model(images, small.samples(LABELS), mode='loss')


def kl(student, teacher, tau=3.0):
    """Written out, independent of KDLoss: sum over classes, mean over rows, times tau squared."""
    p, q = (teacher / tau).softmax(1), (student / tau).softmax(1)
    return tau**2 * (p * (p / q).log()).sum(1).mean()


def test_two_peers_have_the_released_loss():
    model, images = build(peer(), WIDE).double().eval(), torch.randn(4, 3, 16, 16, dtype=torch.float64)
    labels = torch.tensor(LABELS)
    joint = torch.tensor([4 * y + j for y in LABELS for j in range(4)])
    views = torch.stack([images.rot90(j, (2, 3)) for j in range(4)], 1).flatten(0, 1)
    (p, q), (p2, q2) = (net.forward_views(views) for net in model.peers)
    losses = step(model, images)
    assert [name for name in losses if name.startswith('loss')] == ['loss_task', 'loss_aux', 'loss_kl_q', 'loss_kl_p']
    assert losses['loss_task'].item() == pytest.approx(
        (cross_entropy(p[::4], labels) + cross_entropy(p2[::4], labels)).item(), rel=1e-12
    )
    assert losses['loss_aux'].item() == pytest.approx(sum(cross_entropy(x, joint) for x in q + q2).item(), rel=1e-12)
    assert losses['loss_kl_p'].item() == pytest.approx((kl(p, p2) + kl(p2, p)).item(), rel=1e-9)
    assert losses['loss_kl_q'].item() == pytest.approx(sum(kl(a, b) + kl(b, a) for a, b in zip(q, q2)).item(), rel=1e-9)


def test_no_gradient_flows_through_the_other_peer():
    model = build(loss_weight=dict(task=0.0, aux=0.0))
    images = torch.randn(4, 3, 16, 16)
    model.peers[1].requires_grad_(False)
    model.parse_losses(step(model, images))[0].backward()
    alone = {name: p.grad.clone() for name, p in model.peers[0].named_parameters()}
    model.zero_grad()
    model.peers[1].requires_grad_(True)
    model.parse_losses(step(model, images))[0].backward()
    for name, parameter in model.peers[0].named_parameters():
        torch.testing.assert_close(parameter.grad, alone[name], rtol=1e-4, atol=1e-7)
    assert all(p.grad is not None for p in model.peers[1].parameters())


def test_weights_of_terms():
    model, images = build().eval(), torch.randn(4, 3, 16, 16)
    plain, weights = step(model, images), dict(task=2.0, aux=3.0, kl_q=0.5, kl_p=0.25)
    model.criterion.weight = weights
    for name, value in step(model, images).items():
        factor = weights.get(name.removeprefix('loss_'), 1.0)  # shares and accuracies have none
        assert value.item() == pytest.approx(factor * plain[name].item(), rel=1e-6), name


def test_three_peers_average_over_the_others():
    model, images = build(peer(), peer(), WIDE).eval(), torch.randn(4, 3, 16, 16)
    p, q = zip(*(net.forward_views(net.make_views(images)) for net in model.peers))
    pairs = [(i, j) for i in range(3) for j in range(3) if i != j]
    losses = step(model, images)
    assert losses['loss_kl_p'].item() == pytest.approx(sum(kl(p[i], p[j]) / 2 for i, j in pairs).item(), rel=1e-4)
    expected = sum(kl(a, b) / 2 for i, j in pairs for a, b in zip(q[i], q[j]))
    assert losses['loss_kl_q'].item() == pytest.approx(expected.item(), rel=1e-4)


def test_state_dict_and_training_of_all_peers():
    model = build(peer(), WIDE)
    assert {name.split('.')[2] for name in model.state_dict()} == {'backbone', 'head', 'auxiliary_neck'}
    before = model.peers[1].backbone.conv1.weight.clone()
    model.init_weights()
    assert not torch.equal(before, model.peers[1].backbone.conv1.weight)  # each peer is initialized
    model.parse_losses(step(model))[0].backward()
    assert all(p.grad is not None for p in model.parameters())


def test_prediction_is_of_the_ensemble():
    model, images = build(peer(), WIDE).eval(), torch.randn(2, 3, 16, 16)
    expected = [net(images).softmax(1) for net in model.peers]
    samples = model(images, small.samples([0, 1]), mode='predict')
    for i, sample in enumerate(samples):
        torch.testing.assert_close(sample.pred_score, (expected[0][i] + expected[1][i]) / 2)
        torch.testing.assert_close(sample.peer_scores, torch.stack([expected[0][i], expected[1][i]]))
        assert sample.pred_label.item() == sample.pred_score.argmax()
    torch.testing.assert_close(model(images).softmax(1), (expected[0] + expected[1]) / 2)


def test_views_from_the_pipeline():
    model, images = build().eval(), torch.randn(4, 3, 16, 16)
    views = model.peers[0].make_views(images).unflatten(0, (4, 4))
    assert step(model, views)['loss_aux'].item() == step(model, images)['loss_aux'].item()


@pytest.mark.parametrize(
    'peers, error, message',
    [
        ([peer()], ValueError, 'two or more configs, but got 1'),
        ([peer(), peer(head=dict(small.HEAD, num_classes=7))], ValueError, r'numbers of classes, \[10, 7\]'),
        ([peer(), peer(views=None)], ValueError, r'numbers of views, \[4, 1\]'),
        ([peer(), peer(auxiliary_neck=dict(taps=('layer2', 'layer3')))], ValueError, r'auxiliary branches, \[3, 2\]'),
        (
            [peer(), dict(type='ImageClassifier', backbone=small.R8, head=small.HEAD)],
            TypeError,
            'must be an SSAClassifier',
        ),
    ],
)
def test_bad_peers(peers, error, message):
    with pytest.raises(error, match=message):
        build(*peers)
