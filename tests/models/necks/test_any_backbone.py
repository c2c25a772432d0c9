"""Branches for families that are not residual networks, and offline pairs across families: a few real steps each."""

import pytest
import small
import torch

from mmhssakd.registry import MODELS

CONV = dict(type='mmhssakd.ConvBranch', channels=32)
TOKENS = dict(type='mmhssakd.TransformerBranch', channels=32, num_heads=2)
GAP = dict(type='GlobalAveragePooling')
CONVNEXT = (
    'stages.0',
    'downsample_layers.1',
    'stages.1',
    'downsample_layers.2',
    'stages.2',
    'downsample_layers.3',
    'stages.3',
)

# name: backbone, channels of its last feature, auxiliary neck, other parts of the classifier
FAMILIES = {
    'convnext': (
        dict(type='ConvNeXt', arch=dict(depths=[1] * 4, channels=[8, 16, 32, 64])),
        64,
        dict(taps=CONVNEXT[::2], chain=CONVNEXT),
        dict(neck=None),
    ),
    'convnext_light': (
        dict(type='ConvNeXt', arch=dict(depths=[1] * 4, channels=[8, 16, 32, 64])),
        64,
        dict(taps=CONVNEXT[::2], branch=CONV),
        dict(neck=None),
    ),
    'mobilenet_v3': (
        dict(type='MobileNetV3', arch='small'),
        576,
        dict(taps=('layer1', 'layer3', 'layer8', 'layer11'), branch=CONV),
        dict(),
    ),
    'efficientnet': (
        dict(type='EfficientNet', arch='b0'),
        1280,
        dict(taps=('layers.2', 'layers.3', 'layers.5'), branch=CONV),
        dict(),
    ),
    'vit': (
        dict(
            type='VisionTransformer',
            img_size=32,
            patch_size=8,
            arch=dict(embed_dims=32, num_layers=3, num_heads=2, feedforward_channels=64),
        ),
        32,
        dict(taps=('layers.0', 'layers.1', 'layers.2'), branch=TOKENS),
        dict(neck=None, head=dict(type='VisionTransformerClsHead', num_classes=10, in_channels=32)),
    ),
    'swin': (
        dict(
            type='SwinTransformer', arch=dict(embed_dims=16, depths=[1] * 4, num_heads=[1, 2, 4, 8]), pad_small_map=True
        ),
        128,
        dict(taps=('stages.0', 'stages.1', 'stages.2', 'stages.3'), branch=TOKENS),
        dict(),
    ),
    'torchvision_swin': (
        dict(type='TorchvisionBackbone', name='swin_t'),
        768,
        dict(taps=('features.1', 'features.3', 'features.5'), branch=CONV),
        dict(),
    ),
    'timm': (
        dict(type='TIMMBackbone', model_name='mobilenetv3_small_050'),
        1024,
        dict(taps=('timm_model.blocks.1', 'timm_model.blocks.3', 'timm_model.blocks.5'), branch=CONV),
        dict(),
    ),
    'torchvision': (
        dict(type='TorchvisionBackbone', name='resnet18'),
        512,
        dict(taps=('layer1', 'layer2', 'layer3', 'layer4')),
        dict(),
    ),
}


def config(name: str, **kwargs) -> dict:
    backbone, channels, neck, parts = FAMILIES[name]
    head = dict(type='LinearClsHead', num_classes=10, in_channels=channels)
    return dict(type='SSAClassifier', backbone=backbone, neck=GAP, head=head, auxiliary_neck=neck) | parts | kwargs


def train(model, steps: int = 3) -> None:
    """Take real steps on one batch: branches and head have gradients, and the loss falls (if only to rise again)."""
    images, samples = torch.randn(4, 3, 32, 32), small.samples([0, 3, 5, 9])
    optimizer = torch.optim.AdamW(model.parameters(), 1e-3)
    totals = []
    for _ in range(steps):
        total, _ = model.parse_losses(model.train()(images, samples, mode='loss'))
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
        totals.append(total.item())
    assert min(totals[1:]) < totals[0], totals
    assert not [
        name for name, p in model.named_parameters() if p.grad is None and name.startswith(('auxiliary_neck', 'head'))
    ]


@pytest.mark.parametrize('name', FAMILIES)
def test_family_trains(name):
    model = MODELS.build(config(name))
    model.init_weights()
    logits, aux_logits = model.forward_views(torch.randn(2, 3, 32, 32))
    assert logits.shape == (2, 10)
    assert [q.shape for q in aux_logits] == [(2, 40)] * len(model.auxiliary_neck.taps)
    train(model)


def pair(student: dict, teacher: dict, folder) -> torch.nn.Module:
    torch.save(MODELS.build(teacher).state_dict(), folder / 'teacher.pth')
    teacher = dict(config=teacher, checkpoint=str(folder / 'teacher.pth'))
    return MODELS.build(dict(student, type='HSSAKD', teacher=teacher))


def test_resnet50_teaches_mobilenet_v3(tmp_path):
    teacher = dict(
        type='SSAClassifier',
        backbone=dict(type='ResNet', depth=50),
        neck=GAP,
        head=dict(type='LinearClsHead', num_classes=10, in_channels=2048),
        auxiliary_neck=dict(branch=CONV),
    )
    train(pair(config('mobilenet_v3'), teacher, tmp_path))


def test_swin_teaches_resnet18(tmp_path):
    teacher = dict(
        config('swin'),
        backbone=dict(type='SwinTransformer', arch='tiny', pad_small_map=True),
        head=dict(type='LinearClsHead', num_classes=10, in_channels=768),
    )
    student = dict(
        backbone=dict(type='ResNet', depth=18),
        neck=GAP,
        head=dict(type='LinearClsHead', num_classes=10, in_channels=512),
        auxiliary_neck=dict(),
    )
    train(pair(student, teacher, tmp_path))


def neck(name: str, **kwargs):
    backbone, channels, options, _ = FAMILIES[name]
    options = dict(options, type='AuxiliaryNeck', backbone=backbone, in_channels=channels, num_labels=40)
    return MODELS.build(options | kwargs)


@pytest.mark.parametrize(
    'name, kwargs, message',
    [
        ('vit', dict(taps=('layers',)), "VisionTransformer never calls 'layers'.*tap the modules inside"),
        (
            'vit',
            dict(taps=('ln1', 'drop_after_pos', 'layers.0.ffn.layers.0.0'), branch=None, chain=('ln1', 'layers.0')),
            'chain must lead through every tap',
        ),
        ('vit', dict(taps=None), 'VisionTransformer does not say what its stages are: set auxiliary_neck.taps'),
        ('swin', dict(branch=None), "after 'stages.0' cannot be run one after the other.*auxiliary_neck.branch="),
        ('mobilenet_v3', dict(taps=('layer3', 'layer99')), "no module named 'layer99'"),
        ('vit', dict(taps=('patch_embed.projection', 'layers.0.attn')), None),
        ('swin', dict(backbone=dict(type='CIFARVGG'), taps=('relu1',), image_size=2), 'set auxiliary_neck.image_size'),
    ],
)
def test_backbones_that_cannot_be_tapped_so(name, kwargs, message):
    if message is None:  # tokens and maps can both be tapped
        assert len(neck(name, **kwargs).branches) == 2
        return
    with pytest.raises(ValueError, match=message):
        neck(name, **kwargs)


def test_backbone_of_a_fixed_size_is_probed_with_it():
    arch = dict(embed_dims=8, depths=[1] * 4, num_heads=[1] * 4)
    aux = neck('swin', backbone=dict(type='SwinTransformer', arch=arch))
    assert [branch.stages.project.in_features for branch in aux.branches] == [8, 16, 32, 64]


def test_output_that_is_no_feature_map():
    from mmhssakd.models.necks.features import to_map

    with pytest.raises(ValueError, match=r"'fc' returns something of shape \(2, 10\)"):
        to_map(torch.zeros(2, 10), 'fc')
    with pytest.raises(ValueError, match="'x' returns something of type dict"):
        to_map(dict(), 'x')


def test_tokens_become_maps():
    from mmhssakd.models.necks.features import to_map

    feature = torch.randn(2, 3, 4, 4)
    tokens = feature.flatten(2).transpose(1, 2)
    assert torch.equal(to_map(tokens, 'a'), feature)
    assert torch.equal(to_map(torch.cat([torch.zeros(2, 1, 3), tokens], 1), 'a'), feature)  # a class token
    wide = torch.randn(2, 3, 2, 6)
    assert torch.equal(to_map((wide.flatten(2).transpose(1, 2), (2, 6)), 'a'), wide)


def test_maps_with_channels_last():
    from mmhssakd.models.necks.features import to_map

    feature = torch.randn(2, 3, 4, 4)
    assert torch.equal(to_map(feature.permute(0, 2, 3, 1), 'a'), feature)
    assert torch.equal(to_map(feature.permute(0, 2, 3, 1), 'a', channels=3), feature)
    wide = torch.randn(2, 4, 4, 6)  # channels are known by now: this one is channels first
    assert torch.equal(to_map(wide, 'a', channels=4), wide)


def test_unknown_torchvision_network():
    with pytest.raises(ValueError, match="no network 'resnet19'"):
        MODELS.build(dict(type='TorchvisionBackbone', name='resnet19'))
