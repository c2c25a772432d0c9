"""The loss of the last feature maps against its formula, and in a student."""

import numpy as np
import pytest
import small
import torch

from mmhssakd.registry import MODELS


def test_formula():
    torch.manual_seed(1)
    loss = MODELS.build(dict(type='DenseLoss', in_channels=3, out_channels=5, loss_weight=2.0)).double()
    student, teacher = torch.randn(2, 3, 4, 6).double(), torch.randn(2, 5, 4, 6, requires_grad=True).double()
    weight, bias = loss.project.weight[:, :, 0, 0].detach().numpy(), loss.project.bias.detach().numpy()
    distances = []
    for b, y, x in np.ndindex(2, 4, 6):
        ours = weight @ student[b, :, y, x].numpy() + bias
        theirs = teacher[b, :, y, x].detach().numpy()
        distances.append(((ours / np.linalg.norm(ours) - theirs / np.linalg.norm(theirs)) ** 2).sum())
    found = loss(student, teacher)
    assert found.item() == pytest.approx(2 * np.mean(distances), rel=1e-10)
    found.backward()
    assert loss.project.weight.grad.abs().sum() > 0 and teacher.grad is None


def test_maps_of_another_size_are_resized():
    loss = MODELS.build(dict(type='DenseLoss', in_channels=3, out_channels=3))
    torch.nn.init.dirac_(loss.project.weight)
    torch.nn.init.zeros_(loss.project.bias)
    constant = torch.rand(1, 3, 1, 1)
    assert loss(constant.expand(2, 3, 4, 4), constant.expand(2, 3, 7, 5)).item() == pytest.approx(0, abs=1e-6)


@pytest.fixture
def student(tmp_path) -> dict:
    """Config of a student whose teacher is of another width."""
    teacher = small.config(
        backbone=dict(small.R8, stem_channels=16, base_channels=16), head=dict(small.HEAD, in_channels=64)
    )
    torch.save(dict(state_dict=MODELS.build(teacher).state_dict()), tmp_path / 'teacher.pth')
    return small.config(type='HSSAKD', teacher=dict(config=teacher, checkpoint=str(tmp_path / 'teacher.pth')))


@pytest.mark.parametrize('changes', [{}, dict(auxiliary_neck=None, views=None)], ids=['HSSAKD', 'KD'])
def test_a_student_with_it(student, changes):
    images, samples = torch.randn(4, 3, 16, 16), small.samples([0, 1, 2, 0])
    plain, dense = (MODELS.build({**student, **changes, **more}) for more in ({}, dict(dense=dict(out_channels=64))))
    missing = dense.load_state_dict(plain.state_dict(), strict=False).missing_keys
    assert missing == ['dense.project.weight', 'dense.project.bias']
    expected, found = (model.loss(images, samples) for model in (plain, dense))
    assert found.keys() - expected.keys() == {'loss_dense'} and 0 < found['loss_dense'].item() < 4
    assert all(torch.equal(found[name], value) for name, value in expected.items())
    found['loss_dense'].backward()
    assert dense.backbone.conv1.weight.grad.abs().sum() > 0 and dense.head.fc.weight.grad is None


def test_no_maps_are_kept(student):
    student['teacher']['cache'] = 'cache.npy'
    with pytest.raises(ValueError, match='model.dense needs feature maps, which model.teacher.cache does not keep'):
        MODELS.build(dict(student, dense=dict(out_channels=64)))
