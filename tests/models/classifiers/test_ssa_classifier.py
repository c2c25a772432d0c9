import pytest
import small
import torch
from mmpretrain.models import ImageClassifier

from mmhssakd.models.labels import read_labels
from mmhssakd.models.losses.terms import Logits, accuracies
from mmhssakd.registry import MODELS


def build(**kwargs):
    return MODELS.build(small.config(**kwargs))


def test_it_is_an_image_classifier():
    model = build()
    assert isinstance(model, ImageClassifier)
    assert {name.split('.')[0] for name in model.state_dict()} == {'backbone', 'head', 'auxiliary_neck'}


@pytest.mark.parametrize('mode', ['predict', 'tensor'])
def test_inference_is_that_of_the_plain_classifier(mode):
    model = build().eval()
    plain = MODELS.build(
        dict(type='ImageClassifier', backbone=small.R8, neck=dict(type='GlobalAveragePooling'), head=small.HEAD)
    ).eval()
    plain.load_state_dict({k: v for k, v in model.state_dict().items() if not k.startswith('auxiliary')})

    def fail(*args, **kwargs):
        raise AssertionError('touched')

    model.views.expand = model.auxiliary_neck.forward = model.auxiliary_neck.tap = fail
    images = torch.randn(2, 3, 16, 24)  # inference needs no squares
    ours, theirs = model(images, mode=mode), plain(images, mode=mode)
    if mode == 'predict':
        ours, theirs = (torch.stack([sample.pred_score for sample in out]) for out in (ours, theirs))
    torch.testing.assert_close(ours, theirs)


def test_loss_terms_and_log():
    losses = build()(torch.randn(4, 3, 16, 16), small.samples([0, 3, 9, 9]), mode='loss')
    assert losses['loss_aux'].item() == pytest.approx(sum(losses[f'ce_q{i}'].item() for i in (1, 2, 3)), rel=1e-6)
    assert [name for name in losses if 'loss' in name] == ['loss_task', 'loss_aux']


def test_accuracies_are_of_unrotated_rows_and_of_joint_labels():
    labels = read_labels(small.samples([0, 1, 2, 1]), 2, torch.device('cpu'))
    p = torch.eye(3)[[0, 2, 1, 2, 0, 2, 1, 2]]
    q = [torch.eye(6)[[0, 1, 2, 3, 4, 5, 2, 3]], torch.eye(6)[[0, 1, 2, 3, 0, 0, 0, 0]]]
    assert accuracies(Logits(p, q), labels) == dict(acc_p=75, acc_q1=100, acc_q2=50)


@pytest.mark.parametrize('channels_last', [True, False])
def test_memory_format_of_the_views(channels_last):
    """Nothing but the time of a step shows it."""
    views = build(channels_last=channels_last).make_views(torch.randn(2, 3, 8, 8))
    assert views.is_contiguous(memory_format=torch.channels_last if channels_last else torch.contiguous_format)


def test_mixed_images_have_no_joint_labels():
    (sample,) = small.samples([0])
    sample.set_gt_score(torch.full((10,), 0.1))
    with pytest.raises(ValueError, match='joint label'):
        build()(torch.randn(1, 3, 16, 16), [sample], mode='loss')


def test_views_from_the_pipeline_give_the_same_loss():
    model = build().eval()
    images, labels = torch.randn(4, 3, 16, 16), small.samples([0, 1, 2, 3])
    on_device = model(images, labels, mode='loss')
    views = model.make_views(images).unflatten(0, (4, 4))
    from_pipeline = model(views, labels, mode='loss')
    assert on_device['loss_aux'].item() == from_pipeline['loss_aux'].item()
    with pytest.raises(ValueError, match='makes 3 views'):
        model(views[:, :3], labels, mode='loss')


def test_preprocessor_takes_views_and_keeps_channel_order():
    model = build(data_preprocessor=dict(mean=[1.0, 2.0, 3.0], std=[2.0, 2.0, 2.0], to_rgb=True))
    images = torch.randint(0, 255, (2, 3, 8, 8), dtype=torch.uint8)
    one = model.data_preprocessor(dict(inputs=images, data_samples=small.samples([0, 1])))['inputs']
    many = model.data_preprocessor(
        dict(inputs=images[:, None].repeat(1, 4, 1, 1, 1), data_samples=small.samples([0, 1]))
    )['inputs']
    assert torch.equal(many, one[:, None].repeat(1, 4, 1, 1, 1))


def test_frozen_keeps_backbone_and_head(tmp_path):
    plain = build()
    torch.save(dict(state_dict=plain.state_dict()), tmp_path / 'plain.pth')
    model = build(frozen=True, init_cfg=dict(type='Pretrained', checkpoint=str(tmp_path / 'plain.pth')))
    model.init_weights()
    model.train()
    assert not any(m.training for part in (model.backbone, model.head) for m in part.modules())
    assert model.auxiliary_neck.training
    before = {k: v.clone() for k, v in model.state_dict().items()}
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    losses = model(torch.randn(4, 3, 16, 16), small.samples([0, 1, 2, 3]), mode='loss')
    model.parse_losses(losses)[0].backward()
    optimizer.step()
    for name, value in model.state_dict().items():
        if not name.startswith('auxiliary_neck'):
            assert torch.equal(value, before[name]), name
            assert torch.equal(value, plain.state_dict()[name]), name
    assert not torch.equal(model.auxiliary_neck.branches[0].fc.weight, before['auxiliary_neck.branches.0.fc.weight'])


def test_frozen_needs_weights_that_fit(tmp_path):
    with pytest.raises(ValueError, match='model.init_cfg'):
        build(frozen=True).init_weights()
    state = build().state_dict()
    del state['head.fc.weight']
    torch.save(dict(state_dict=state), tmp_path / 'no_head.pth')
    with pytest.raises(ValueError, match='1 missing: head.fc.weight'):
        build(frozen=True, init_cfg=dict(type='Pretrained', checkpoint=str(tmp_path / 'no_head.pth'))).init_weights()


def test_images_that_are_not_square():
    with pytest.raises(ValueError, match='square'):
        build()(torch.randn(2, 3, 16, 12), small.samples([0, 1]), mode='loss')


@pytest.mark.parametrize('labels, message', [([0, 10], r'0 .. 9 .*holds \[10\]'), ([-1], r'holds \[-1\]')])
def test_labels_are_checked_before_they_leave_the_cpu(labels, message):
    data = dict(inputs=torch.zeros(len(labels), 3, 8, 8), data_samples=small.samples(labels))
    with pytest.raises(ValueError, match=message):
        build().data_preprocessor(data, True)
