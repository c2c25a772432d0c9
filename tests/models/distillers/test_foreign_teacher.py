"""A timm teacher from its own file teaches, for 100 steps, what the same teacher in our format does."""

import pytest
import small
import timm
import torch
import torch.nn.functional as F

from mmhssakd.datasets.transforms import rotate_views
from mmhssakd.registry import MODELS

OURS = dict(mean=[120.0, 110.0, 100.0], std=[60.0, 58.0, 56.0], to_rgb=True)
THEIRS = dict(mean=[100.0, 128.0, 90.0], std=[70.0, 64.0, 51.0], to_rgb=False)
BRANCHES = dict(type='AuxiliaryNeck', branch=dict(type='mmhssakd.ConvBranch', channels=8))


def teacher(tmp_path, name: str, tensors: dict, preprocessor: dict) -> dict:
    """A frozen teacher with branches, from a checkpoint of its network."""
    torch.save(tensors, tmp_path / f'network_{name}.pth')
    config = dict(
        type='SSAClassifier',
        backbone=dict(type='mmhssakd.TimmBackbone', model_name='test_resnet'),
        head=dict(type='LinearClsHead', num_classes=10, in_channels=96),
        auxiliary_neck=dict(BRANCHES, taps=[f'timm_model.layer{i}' for i in (2, 3, 4)]),
        data_preprocessor=dict(preprocessor),
        frozen=True,
        init_cfg=dict(type='Pretrained', checkpoint=str(tmp_path / f'network_{name}.pth')),
    )
    torch.manual_seed(1)
    model = MODELS.build(config)
    model.init_weights()
    torch.save(dict(state_dict=model.state_dict()), tmp_path / f'teacher_{name}.pth')
    return dict(config=config, checkpoint=str(tmp_path / f'teacher_{name}.pth'))


def steps(teacher: dict, teach=None) -> list:
    """Losses of 100 steps of a student; ``teach(model, pixels)`` replaces the teacher's own path."""
    torch.manual_seed(2)
    model = MODELS.build(small.config(type='HSSAKD', teacher=teacher, data_preprocessor=dict(OURS)))
    model.init_weights()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    generator, found = torch.Generator().manual_seed(3), []
    for _ in range(100):
        pixels = torch.randint(0, 256, (2, 3, 16, 16), generator=generator, dtype=torch.uint8)
        if teach is not None:
            model.teach = lambda views, pixels=pixels: teach(model, pixels)
        images = model.data_preprocessor(dict(inputs=pixels.clone()))['inputs']
        losses = model(images, small.samples([3, 7]), mode='loss')
        loss = model.parse_losses(losses)[0]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        found.append({name: value.item() for name, value in losses.items() if name.startswith('loss')})
    return found


@pytest.fixture
def network() -> dict:
    torch.manual_seed(0)
    return timm.create_model('test_resnet', num_classes=10).state_dict()


def test_equal_settings_give_equal_bits(network, tmp_path):
    ours = {
        f'head.{name}' if name.startswith('fc.') else f'backbone.timm_model.{name}': value
        for name, value in network.items()
    }
    theirs = steps(teacher(tmp_path, 'timm', network, OURS))
    assert theirs == steps(teacher(tmp_path, 'ours', dict(state_dict=ours), OURS))
    assert theirs[0] != theirs[-1]


def test_its_own_normalization_and_size(network, tmp_path):
    """As if its own preprocessor had prepared the pixels, and they had been resized after that."""

    @torch.no_grad()
    def teach(model, pixels):
        images = model.teacher.data_preprocessor(dict(inputs=pixels.clone()))['inputs']
        large = F.interpolate(rotate_views(images), 24, mode='bilinear', antialias=True)
        return model.teacher.forward_views(large)

    foreign = teacher(tmp_path, 'timm', network, THEIRS)
    found, expected = steps(dict(foreign, size=24)), steps(foreign, teach)
    for step, (a, b) in enumerate(zip(found, expected)):
        assert a == pytest.approx(b, rel=1e-4), step
    assert steps(foreign)[0] != pytest.approx(expected[0], rel=1e-2)  # without the size
