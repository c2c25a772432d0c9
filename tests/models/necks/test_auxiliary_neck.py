import copy

import pytest
import torch
import torch.nn as nn

from mmhssakd.models.necks.auxiliary_neck import backbone_like
from mmhssakd.models.necks.repeat_stage import repeat_stage
from mmhssakd.registry import MODELS

R18 = dict(type='ResNet', depth=18)
TAPS = ('layer1', 'layer2', 'layer3', 'layer4')


def neck(backbone=R18, taps=TAPS, in_channels=512, **kwargs):
    return MODELS.build(
        dict(type='AuxiliaryNeck', taps=taps, backbone=backbone, in_channels=in_channels, num_labels=40, **kwargs)
    )


def features(aux, backbone, size=64):
    with aux.tap(backbone) as found:
        backbone(torch.randn(2, 3, size, size))
    return found


def test_hooks_are_there_only_inside_tap():
    aux, backbone = neck(), MODELS.build(R18)
    found = features(aux, backbone)
    assert list(found) == list(TAPS)
    assert [f.shape[1] for f in found.values()] == [64, 128, 256, 512]
    assert not any(m._forward_hooks for m in backbone.modules())
    with pytest.raises(RuntimeError, match='interrupted'), aux.tap(backbone):
        raise RuntimeError('interrupted')
    assert not any(m._forward_hooks for m in backbone.modules())


@pytest.mark.parametrize(
    'backbone, in_channels',
    [
        (R18, 512),
        (dict(type='ResNet', depth=50), 2048),
        (dict(type='ResNeXt', depth=50), 2048),
        (dict(type='SEResNet', depth=50), 2048),
        (dict(type='ResNetV1d', depth=50), 2048),
        (dict(type='ResNet', depth=18, frozen_stages=2, norm_eval=True), 512),
    ],
)
def test_any_chain_of_stages(backbone, in_channels):
    aux = neck(backbone, in_channels=in_channels)
    logits = aux(features(aux, MODELS.build(backbone)))
    assert [q.shape for q in logits] == [(2, 40)] * 4
    sum(q.sum() for q in logits).backward()
    assert all(p.grad is not None for p in aux.parameters())
    # one more stage of the last kind keeps the resolution
    feature = torch.randn(1, in_channels, 4, 4)
    assert aux.branches[-1].stages(feature).shape == feature.shape


def test_branches_are_initialized_afresh():
    aux = neck()
    first, second = aux.branches[0].stages[1], aux.branches[1].stages[0]
    assert first[0].conv1.weight.shape == second[0].conv1.weight.shape
    assert not torch.equal(first[0].conv1.weight, second[0].conv1.weight)
    # as the backbone's own rule has it: the last norm of a residual block starts at zero
    assert (first[0].bn2.weight == 0).all() and (aux.branches[3].stages[0][0].bn2.weight == 0).all()
    assert all(p.requires_grad for p in aux.parameters())


def test_pretrained_backbone_is_not_loaded_into_branches():
    neck(dict(R18, init_cfg=dict(type='Pretrained', checkpoint='no/such/file.pth')))


def test_pretrained_option_is_not_for_branches(monkeypatch):
    """mmpretrain's wrapper of torchvision's networks takes weights as an option."""
    built = []
    monkeypatch.setattr('mmhssakd.models.necks.auxiliary_neck.MODELS.build', built.append)
    backbone_like(dict(type='TorchvisionBackbone', model_name='resnet18', weights='DEFAULT'))
    backbone_like(dict(type='TIMMBackbone', model_name='resnet18', pretrained=True, checkpoint_path='a.pth'))
    assert built == [dict(type=name, model_name='resnet18') for name in ('TorchvisionBackbone', 'TIMMBackbone')]


def test_deepcopy():
    aux, backbone = neck(), MODELS.build(R18)
    twin, twin_backbone = copy.deepcopy(aux), copy.deepcopy(backbone)
    images = torch.randn(2, 3, 64, 64)
    out = []
    for a, b in ((aux, backbone), (twin, twin_backbone)):
        a.eval(), b.eval()
        with a.tap(b) as found:
            b(images)
        out.append(a(found))
    assert all(torch.equal(p, q) for p, q in zip(*out))


@pytest.mark.parametrize(
    'kwargs, message',
    [
        (dict(taps=('layer1', 'layer9')), r"no module named 'layer9'. It has: .*layer4"),
        (dict(taps=('layer4', 'layer4')), 'none twice'),
        (dict(taps=TAPS, chain=('layer2', 'layer4')), 'lead through every tap'),
        (dict(repeat=('stage5',)), "auxiliary_neck.repeat: ResNet has no module named 'stage5'"),
    ],
)
def test_bad_names(kwargs, message):
    with pytest.raises(ValueError, match=message):
        neck(**kwargs)


def test_projection_shortcut_of_the_repeated_stage_is_gone():
    repeated = neck(dict(type='ResNet', depth=50), in_channels=2048).branches[-1].stages[0]
    assert isinstance(repeated[0].downsample, nn.Identity)
    assert repeated[0].conv1.in_channels == 2048


def test_repeated_stage_keeps_pooling_that_keeps_the_resolution():
    stage = nn.Sequential(nn.MaxPool2d(2), nn.MaxPool2d(5, 1, 2), nn.Conv2d(4, 4, 3, 2, 1))
    kinds = [type(module).__name__ for module in repeat_stage(stage, 4)]
    assert kinds == ['Identity', 'MaxPool2d', 'Conv2d'] and stage(torch.zeros(1, 4, 8, 8)).shape == (1, 4, 8, 8)
