import copy

import pytest
import small
import torch

from mmhssakd.models.distillers.teacher import read_model_config
from mmhssakd.models.labels import read_labels
from mmhssakd.registry import MODELS


@pytest.fixture
def teacher(tmp_path):
    config = small.config(
        backbone=dict(small.R8, stem_channels=16, base_channels=16), head=dict(small.HEAD, in_channels=64)
    )
    torch.save(dict(state_dict=MODELS.build(config).state_dict()), tmp_path / 'teacher.pth')
    return dict(config=config, checkpoint=str(tmp_path / 'teacher.pth'))


def student(teacher, **kwargs):
    return MODELS.build(small.config(type='HSSAKD', teacher=teacher, **kwargs))


def step(model, images=None):
    images = torch.randn(4, 3, 16, 16) if images is None else images
    return model(images, small.samples([0, 1, 2, 3]), mode='loss')


def test_teacher_is_outside_and_frozen(teacher):
    teacher['config']['backbone']['drop_path_rate'] = 0.5
    model = student(teacher).train()
    assert not any('teacher' in name for name, _ in model.named_modules())
    assert {name.split('.')[0] for name in model.state_dict()} == {'backbone', 'head', 'auxiliary_neck'}
    before = {k: v.clone() for k, v in model.teacher.state_dict().items()}
    ids = {id(p) for p in model.parameters()}
    assert not any(id(p) in ids or p.requires_grad for p in model.teacher.parameters())
    model.parse_losses(step(model))[0].backward()
    assert not any(m.training for m in model.teacher.modules())
    assert all(torch.equal(v, before[k]) for k, v in model.teacher.state_dict().items())
    assert all(p.grad is not None for p in model.parameters())
    images = torch.randn(4, 3, 16, 16)
    assert torch.equal(model.teach(images)[0], model.teach(images)[0])


@pytest.mark.parametrize('built', [False, True])
def test_teacher_moves_with_the_model(teacher, built):
    model = student(teacher)
    assert not built or model.teacher
    model.double()
    assert {p.dtype for p in model.teacher.parameters()} == {torch.float64}
    model.to('meta')
    assert {p.device.type for p in model.teacher.parameters()} == {'meta'}


def test_branches_that_no_term_trains_are_frozen(teacher):
    """Else DDP would wait for their gradients."""
    for weight, trained in ((dict(kl_q=0), False), (dict(kl_q=0, aux=1), True)):
        model = student(teacher, loss_weight=weight).train()
        model.parse_losses(step(model))[0].backward()
        assert all(p.grad is not None for p in model.parameters() if p.requires_grad)
        assert {p.requires_grad for p in model.auxiliary_neck.parameters()} == {trained}


def test_deepcopy(teacher):
    model = student(teacher)
    twin = copy.deepcopy(model)
    images = torch.randn(4, 3, 16, 16)
    assert step(model, images)['loss_kl_q'].item() == step(twin, images)['loss_kl_q'].item()


def test_terms(teacher):
    losses = step(student(teacher))
    assert [name for name in losses if 'loss' in name] == ['loss_task', 'loss_kl_q', 'loss_kl_p']
    assert losses['loss_kl_q'].item() == pytest.approx(sum(losses[f'kl_q{i}'].item() for i in (1, 2, 3)), rel=1e-6)


def test_weights_of_terms(teacher):
    model = student(teacher).eval()
    images = torch.randn(4, 3, 16, 16)
    plain = step(model, images)
    model.criterion.weight = dict(task=2.0, kl_q=0.0, kl_p=0.5, aux=1.0)
    weighted = step(model, images)
    assert weighted['loss_task'].item() == pytest.approx(2 * plain['loss_task'].item())
    assert weighted['loss_kl_p'].item() == pytest.approx(plain['loss_kl_p'].item() / 2)
    assert 'loss_kl_q' not in weighted and 'loss_aux' in weighted


def test_outputs_have_names(teacher):
    model = student(teacher)
    for outputs in (model.forward_views(torch.randn(4, 3, 16, 16)), model.teach(torch.randn(4, 3, 16, 16))):
        p, q = outputs
        assert outputs.p is p and outputs.q is q and p.shape == (4, 10) and [x.shape for x in q] == [(4, 40)] * 3


class Product(torch.nn.Module):
    """A loss of somebody's own, which does not care whose logits take a gradient."""

    def forward(self, student, teacher, labels):
        return (student * teacher).sum()


@pytest.mark.parametrize('kl_p_views', ['all', 'unrotated'])
def test_no_loss_sends_a_gradient_to_the_teacher(teacher, kl_p_views):
    criterion = student(teacher, kl_p_views=kl_p_views).criterion
    criterion.kd_loss = criterion.kd_loss_q = Product()
    ours, theirs = (torch.randn(8, 10, requires_grad=True) for _ in range(2))
    labels = read_labels(small.samples([0, 3]), 4, torch.device('cpu'))
    (criterion.kl_p(ours, theirs, labels) + sum(criterion.kl_q([ours], [theirs], labels))).backward()
    assert ours.grad is not None and theirs.grad is None


def test_kl_p_on_unrotated_views_only(teacher):
    model = student(teacher, kl_p_views='unrotated').eval()
    images = torch.randn(4, 3, 16, 16)
    views = model.make_views(images)
    expected = model.criterion.kd_loss(model.forward_views(views)[0][::4], model.teach(views)[0][::4])
    assert step(model, images)['loss_kl_p'].item() == pytest.approx(expected.item())


def test_kd_is_the_distiller_without_branches_and_views(teacher):
    model = student(teacher, auxiliary_neck=None, views=None).eval()
    images = torch.randn(4, 3, 16, 12)  # nothing is rotated
    losses = step(model, images)
    assert [name for name in losses if 'loss' in name] == ['loss_task', 'loss_kl_p']
    expected = model.criterion.kd_loss(model(images), model.teacher(images))
    assert losses['loss_kl_p'].item() == pytest.approx(expected.item())


def test_plain_teacher_for_kd(teacher):
    config = {k: v for k, v in teacher['config'].items() if k != 'auxiliary_neck'}
    teacher = dict(teacher, config=dict(config, type='ImageClassifier'))
    assert student(teacher, auxiliary_neck=None, views=None).teacher.head.num_classes == 10


def test_mixed_images_are_distilled_but_have_no_joint_labels(teacher):
    mixed = small.samples([0, 1, 2, 3])
    for sample in mixed:
        sample.set_gt_score(torch.full((10,), 0.1))
    model, images = student(teacher), torch.randn(4, 3, 16, 16)
    losses = model(images, mixed, mode='loss')
    assert 'acc_p' not in losses and 'acc_q1' not in losses and losses['loss_kl_q'] > 0
    model.criterion.weight['aux'] = 1.0
    with pytest.raises(ValueError, match='joint label'):
        model(images, mixed, mode='loss')


def test_student_without_teacher_predicts():
    """Without a teacher in the config, or with one that is not there any more."""
    assert student(dict(config='none.py', checkpoint='none.pth'))(torch.randn(2, 3, 16, 16)).shape == (2, 10)
    model = student(None)
    assert model(torch.randn(2, 3, 16, 16)).shape == (2, 10)
    with pytest.raises(RuntimeError, match='model.teacher'):
        step(model)


def test_bad_teachers(teacher, tmp_path):
    def refuse(error, message, **changes):
        with pytest.raises(error, match=message):
            student(dict(teacher, **changes)).init_weights()  # as before training

    config = teacher['config']
    refuse(FileNotFoundError, 'model.teacher.checkpoint: no such checkpoint: none.pth', checkpoint='none.pth')
    refuse(FileNotFoundError, 'model.teacher.config: no such config file: none.py', config='none.py')
    refuse(ValueError, 'model.teacher.checkpoint must be', checkpoint=None)
    refuse(TypeError, 'model.teacher.config must be', config=3)
    refuse(
        ValueError,
        r'(?s)another architecture.*missing: backbone.layer1.1',
        config=dict(config, backbone=dict(config['backbone'], depth=14)),
    )
    refuse(
        ValueError, r'(?s)does not fit.*instead of', config=dict(config, backbone=dict(small.R8), head=dict(small.HEAD))
    )
    refuse(
        ValueError,
        'The teacher has 7 classes, the student has 10',
        config=dict(config, head=dict(config['head'], num_classes=7)),
    )
    (tmp_path / 'text.pth').write_text('no checkpoint')
    two = dict(config, auxiliary_neck=dict(taps=('layer2', 'layer3')))
    torch.save(dict(state_dict=MODELS.build(two).state_dict()), tmp_path / 'two.pth')
    refuse(ValueError, '2 auxiliary branches, the student has 3', config=two, checkpoint=str(tmp_path / 'two.pth'))


def test_bad_options(teacher):
    with pytest.raises(ValueError, match="unknown terms .'kl'"):
        student(teacher, loss_weight=dict(kl=1))
    with pytest.raises(ValueError, match='kl_p_views'):
        student(teacher, kl_p_views='some')


def test_branch_map_mimics_any_subset_of_the_teachers_branches(teacher):
    model = student(teacher, auxiliary_neck=dict(taps=('layer1', 'layer3')), branch_map=(0, 2)).eval()
    images = torch.randn(4, 3, 16, 16)
    views = model.make_views(images)
    q, q_teacher = model.forward_views(views)[1], model.teacher.forward_views(views)[1]
    losses = step(model, images)
    assert losses['loss_kl_q'].item() == pytest.approx(
        (model.criterion.kd_loss(q[0], q_teacher[0]) + model.criterion.kd_loss(q[1], q_teacher[2])).item(), rel=1e-5
    )
    assert model.auxiliary_neck.branches[0].stages[0][0].conv1.in_channels == 8  # still all of the rest of the network


@pytest.mark.parametrize('branch_map', [(0,), (0, 3), (0, -1)])
def test_bad_branch_map(teacher, branch_map):
    with pytest.raises(ValueError, match='branch_map=.*0 .. 2'):
        student(teacher, auxiliary_neck=dict(taps=('layer1', 'layer3')), branch_map=branch_map).init_weights()
    with pytest.raises(ValueError, match='3 auxiliary branches, the student has 2.*model.branch_map'):
        student(teacher, auxiliary_neck=dict(taps=('layer1', 'layer3'))).init_weights()


@pytest.mark.parametrize(
    'options, expected',
    [
        (
            {'model.kd_loss.tau': 4},
            lambda model: model.criterion.kd_loss.tau == 4 and model.criterion.kd_loss_q.tau == 4,
        ),
        (
            {'model.kd_loss_q.type': 'DKDLoss'},
            lambda model: type(model.criterion.kd_loss_q).__name__ == 'DKDLoss' and model.criterion.kd_loss.tau == 3,
        ),
        ({'model.loss_weight.kl_q': 0}, lambda model: model.criterion.weight == dict(task=1, kl_q=0, kl_p=1, aux=0)),
        ({'model.loss_weight.aux': 1}, lambda model: model.criterion.weight['aux'] == 1),
        ({'model.kl_p_views': 'unrotated'}, lambda model: model.criterion.kl_p_views == 'unrotated'),
        (
            {'model.auxiliary_neck.taps': ['layer1', 'layer3'], 'model.branch_map': [0, 2]},
            lambda model: model.branch_map == (0, 2),
        ),
        ({'model.auxiliary_neck': None, 'model.views': None}, lambda model: model.num_views == 1),
    ],
)
def test_ablations_are_options_alone(teacher, options, expected):
    from mmengine.config import Config

    cfg = Config(dict(model=small.config(type='HSSAKD', teacher=teacher)))
    cfg.merge_from_dict(options)
    model = MODELS.build(cfg.model)
    assert torch.isfinite(model.parse_losses(step(model))[0])
    assert expected(model)


def test_normalization_must_be_the_teachers(teacher):
    """The teacher sees what the student's preprocessor gives it."""
    ours = dict(mean=[120, 120, 120], std=[60, 60, 60])
    teacher['config']['data_preprocessor'] = dict(type='ClsDataPreprocessor', **ours)
    assert student(teacher, data_preprocessor=ours).teacher
    assert student(teacher).teacher  # normalized in the pipeline, perhaps
    for other in (dict(ours, mean=[0, 0, 0]), dict(ours, to_rgb=True)):
        with pytest.raises(ValueError, match='normalized by .*data_preprocessor must be that of model.teacher.config'):
            student(teacher, data_preprocessor=other).init_weights()


def test_teacher_config_of_a_package():
    """The way of config inheritance: ``mmpretrain::``."""
    name = 'mmpretrain::mobilenet_v2/mobilenet-v2_8xb32_in1k.py'
    assert read_model_config(name).backbone.type == 'MobileNetV2'


def test_compiled_step(teacher):
    """Hooks on the backbone are part of what torch.compile traces."""
    model = student(teacher).train()
    model.init_weights()
    images = torch.randn(4, 3, 16, 16)
    plain, torch_state = step(copy.deepcopy(model), images), copy.deepcopy(model)
    compiled = torch.compile(lambda: step(torch_state, images), backend='eager')()
    for name, value in plain.items():
        torch.testing.assert_close(compiled[name], value, msg=name)
