"""Checkpoints of timm and torchvision, as they come: every tensor is used, and the logits are theirs."""

import backbone_table
import pytest
import small
import timm
import torch
import torchvision
from backbone_table import ROWS
from safetensors.torch import save_file

from mmhssakd.registry import MODELS
from mmhssakd.weights import load_weights
from mmhssakd.weights.foreign import to_ours, unwrap


def rows(type: str) -> list:
    """The networks of one library in the table of docs/your_backbone.md."""
    return [pytest.param(row, id=backbone_table.text(row.backbone)) for row in ROWS if row.backbone['type'] == type]


def classifier(backbone: dict, channels: int, neck=None) -> torch.nn.Module:
    head = dict(type='LinearClsHead', num_classes=7, in_channels=channels)
    return MODELS.build(dict(type='SSAClassifier', backbone=backbone, neck=neck, head=head, views=None)).eval()


def compare(theirs, model, file, size: int) -> None:
    assert load_weights(model, str(file)) == {}
    images = torch.randn(1, 3, size, size)
    with torch.no_grad():
        torch.testing.assert_close(model(images), theirs.eval()(images), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize('row', rows('mmhssakd.TimmBackbone'))
def test_timm(row, tmp_path):
    torch.manual_seed(0)
    options = {key: value for key, value in row.backbone.items() if key != 'type'}
    theirs = timm.create_model(num_classes=7, **options)
    save_file(theirs.state_dict(), tmp_path / 'model.safetensors')
    assert row.rest['head']['in_channels'] == theirs.head_hidden_size
    compare(theirs, classifier(row.backbone, theirs.head_hidden_size), tmp_path / 'model.safetensors', row.size)


@pytest.mark.parametrize('row', rows('mmhssakd.TorchvisionBackbone'))
def test_torchvision(row, tmp_path):
    theirs = torchvision.models.get_model(row.backbone['name'], num_classes=7)
    torch.save(theirs.state_dict(), tmp_path / 'model.pth')
    model = classifier(row.backbone, row.rest['head']['in_channels'], dict(type='GlobalAveragePooling'))
    compare(theirs, model, tmp_path / 'model.pth', row.size)


@pytest.mark.parametrize('kind', ['torchvision', 'timm'])
def test_resnet_of_mmpretrain(kind, tmp_path):
    library = torchvision.models.get_model if kind == 'torchvision' else timm.create_model
    theirs = library('resnet18', num_classes=7)
    torch.save(theirs.state_dict(), tmp_path / 'model.pth')
    model = classifier(dict(type='mmpretrain.ResNet', depth=18), 512, dict(type='GlobalAveragePooling'))
    compare(theirs, model, tmp_path / 'model.pth', 64)


@pytest.mark.parametrize(
    'wrap',
    [
        lambda s: s,
        lambda s: dict(state_dict=s, epoch=3),
        lambda s: dict(model=s, optimizer={}),
        lambda s: dict(state_dict={name: value + 1 for name, value in s.items()}, state_dict_ema=s),
        lambda s: dict(model={f'module.{name}': value for name, value in s.items()}),
        lambda s: dict(teacher={f'module._orig_mod.{name}': value for name, value in s.items()}),
    ],
)
def test_what_trainers_put_around(wrap):
    theirs = timm.create_model('resnet18', num_classes=7).state_dict()
    model = classifier(dict(type='mmhssakd.TimmBackbone', model_name='resnet18'), 512)
    found = to_ours(unwrap(wrap(theirs)), model)
    assert set(found) == set(model.state_dict())
    assert torch.equal(found['head.fc.weight'], theirs['fc.weight'])
    assert torch.equal(found['backbone.timm_model.conv1.weight'], theirs['conv1.weight'])


@pytest.mark.parametrize(
    'change, message',
    [
        (lambda s: s.pop('layer1.0.conv1.weight'), r'1 missing: backbone.timm_model.layer1.0.conv1.weight'),
        (lambda s: s.update(more=torch.zeros(1)), r'1 unexpected: backbone.timm_model.more'),
        (lambda s: s.update({'fc.weight': torch.zeros(8, 512)}), r'head.fc.weight \(8, 512\) instead of \(7, 512\)'),
        (lambda s: [s.pop(name) for name in list(s)[::2]], 'missing: backbone.timm_model'),
        (
            lambda s: [s.update({name.replace('layer', 'block'): s.pop(name)}) for name in list(s) if 'layer' in name],
            r'(?s)missing: backbone.timm_model.layer1.*unexpected: backbone.timm_model.block1',
        ),
        (
            lambda s: s.update({'layer1.0.conv1.weight': torch.zeros(64, 64, 1, 1)}),
            r'1 reshaped: backbone.timm_model.layer1.0.conv1.weight \(64, 64, 1, 1\) instead of \(64, 64, 3, 3\)',
        ),
    ],
)
def test_every_tensor_counts(change, message, tmp_path):
    tensors = timm.create_model('resnet18', num_classes=7).state_dict()
    change(tensors)
    torch.save(tensors, tmp_path / 'model.pth')
    with pytest.raises(ValueError, match=message):
        load_weights(
            classifier(dict(type='mmhssakd.TimmBackbone', model_name='resnet18'), 512), str(tmp_path / 'model.pth')
        )


def test_frozen_teacher_and_its_student(tmp_path):
    """timm's file is all that a frozen teacher needs; the student learns from what that leaves."""
    theirs = timm.create_model('resnet18', num_classes=10)
    save_file(theirs.state_dict(), tmp_path / 'timm.safetensors')
    network = dict(
        type='SSAClassifier',
        backbone=dict(type='mmhssakd.TimmBackbone', model_name='resnet18'),
        head=dict(type='LinearClsHead', num_classes=10, in_channels=512),
        auxiliary_neck=dict(
            taps=[f'timm_model.layer{i}' for i in (1, 2, 3)], branch=dict(type='mmhssakd.ConvBranch'), in_channels=512
        ),
    )
    frozen = MODELS.build(
        dict(network, frozen=True, init_cfg=dict(type='Pretrained', checkpoint=str(tmp_path / 'timm.safetensors')))
    )
    frozen.init_weights()
    images = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        torch.testing.assert_close(frozen.eval()(images), theirs.eval()(images))
    losses = frozen.train()(images, small.samples([1, 2]), mode='loss')
    frozen.parse_losses(losses)[0].backward()
    assert [name for name, p in frozen.named_parameters() if p.grad is not None] == [
        name for name, _ in frozen.named_parameters() if name.startswith('auxiliary_neck.')
    ]
    torch.save(dict(state_dict=frozen.state_dict(), meta=dict()), tmp_path / 'teacher.pth')
    teacher = dict(config=network, checkpoint=str(tmp_path / 'teacher.pth'))
    student = MODELS.build(small.config(type='HSSAKD', teacher=teacher))
    torch.testing.assert_close(student.teach(images).p, theirs(images))
    assert torch.isfinite(student.parse_losses(student(images, small.samples([1, 2]), mode='loss'))[0])


def test_unknown_network():
    with pytest.raises(ValueError, match=r"no network 'resnet19': timm.list_models\(\)"):
        MODELS.build(dict(type='mmhssakd.TimmBackbone', model_name='resnet19'))


@pytest.mark.parametrize(
    'name, branch, options',
    [
        ('resnet18', 'ConvBranch', {}),
        ('vit_small_patch14_dinov2', 'TransformerBranch', dict(img_size=28)),
        ('vit_base_patch16_siglip_224', 'TransformerBranch', dict(img_size=28, embed_dim=192, num_heads=3)),
    ],
)
def test_backbone_without_a_head(name, branch, options, tmp_path):
    """The head learns with the branches, the backbone stays as timm saved it."""
    theirs = timm.create_model(name, num_classes=0, **options).eval()
    save_file(theirs.state_dict(), tmp_path / 'backbone.safetensors')
    config = dict(
        type='SSAClassifier',
        backbone=dict(type='mmhssakd.TimmBackbone', model_name=name, **options),
        head=dict(type='LinearClsHead', num_classes=10, in_channels=theirs.num_features),
        auxiliary_neck=dict(branch=dict(type=f'mmhssakd.{branch}'), image_size=28),
        init_cfg=dict(type='Pretrained', checkpoint=str(tmp_path / 'backbone.safetensors')),
    )
    with pytest.raises(ValueError, match='missing: head.fc.weight') as error:
        MODELS.build(dict(config, frozen=True)).init_weights()
    assert "without a head (model.frozen='backbone')?" in str(error.value)
    model = MODELS.build(dict(config, frozen='backbone'))
    model.init_weights()
    model.train()
    images = torch.randn(4, 3, 28, 28)
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.1)
    found = model(images, small.samples([1, 2, 3, 4]), mode='loss')
    model.parse_losses(found)[0].backward()
    optimizer.step()
    trained = {parameter.split('.')[0] for parameter, p in model.named_parameters() if p.grad is not None}
    assert trained == {'auxiliary_neck', 'head'} and 'acc_p' in found
    assert all(
        torch.equal(value, model.state_dict()[f'backbone.timm_model.{key}'])
        for key, value in theirs.state_dict().items()
    )
    after = model(images, small.samples([1, 2, 3, 4]), mode='loss')
    assert after['loss_task'] < found['loss_task']


def test_frozen_is_one_of_three():
    with pytest.raises(ValueError, match="model.frozen must be True, False or 'backbone', but got 'head'"):
        MODELS.build(small.config(frozen='head'))


@pytest.mark.parametrize(
    'name, taps',
    [
        ('resnet18', ['layer1', 'layer2', 'layer3', 'layer4']),
        ('convnext_atto', ['stages.0', 'stages.1', 'stages.2', 'stages.3']),
        ('vit_tiny_patch16_224', ['blocks.2', 'blocks.5', 'blocks.8', 'blocks.11']),
    ],
)
def test_taps_by_default(name, taps):
    backbone = MODELS.build(dict(type='mmhssakd.TimmBackbone', model_name=name))
    assert backbone.taps == tuple(f'timm_model.{tap}' for tap in taps)


def test_size_that_a_position_embedding_refuses():
    teacher = classifier(dict(type='mmhssakd.TimmBackbone', model_name='vit_tiny_patch16_224'), 192)
    with pytest.raises(ValueError, match=r'VisionTransformer does not take images of 32 x 48.*model\.teacher\.size'):
        teacher(torch.zeros(1, 3, 32, 48))
