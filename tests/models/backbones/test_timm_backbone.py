"""timm's networks as the backbone of a detector."""

import pytest
import timm
import torch

from mmhssakd.registry import MODELS


@pytest.mark.parametrize(
    'name, indices',
    [('mobilenetv4_conv_small', (1, 2, 3, 4)), ('efficientnet_b0', (1, 2, 3)), ('convnext_atto', (1, 3))],
)
def test_feature_maps_are_timms(name, indices):
    backbone = MODELS.build(dict(type='TimmBackbone', model_name=name, out_indices=indices)).eval()
    images = torch.randn(2, 3, 64, 64)
    theirs = timm.create_model(name, features_only=True, out_indices=indices).eval()
    mine = iter(backbone.timm_model.state_dict().values())
    theirs.load_state_dict({key: next(mine) for key in theirs.state_dict()})  # the same order, other names
    maps = backbone(images)
    assert len(maps) == len(indices)
    assert all(torch.equal(ours, other) for ours, other in zip(maps, theirs(images)))


@pytest.mark.parametrize(
    'name, indices', [('mobilenetv4_conv_small', (1, 3)), ('resnet18', (1, 2)), ('convnext_atto', (3,))]
)
def test_what_no_map_needs_is_kept_but_not_trained(name, indices):
    student = MODELS.build(dict(type='TimmBackbone', model_name=name))
    backbone = MODELS.build(dict(type='TimmBackbone', model_name=name, out_indices=indices))
    backbone.load_state_dict(student.state_dict())
    sum(feature.square().sum() for feature in backbone(torch.randn(2, 3, 64, 64))).backward()
    with_gradient = {key for key, p in backbone.named_parameters() if p.grad is not None}
    assert with_gradient == {key for key, p in backbone.named_parameters() if p.requires_grad}
    assert with_gradient < set(student.state_dict())


@pytest.mark.parametrize('norm_eval', [False, True])
def test_statistics_stay(norm_eval):
    backbone = MODELS.build(
        dict(type='TimmBackbone', model_name='resnet18', out_indices=(1, 2, 3, 4), norm_eval=norm_eval)
    ).train()
    before = backbone.timm_model.bn1.running_mean.clone()
    backbone(torch.randn(2, 3, 32, 32))
    assert torch.equal(before, backbone.timm_model.bn1.running_mean) == norm_eval
