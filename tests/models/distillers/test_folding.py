"""The folded teacher says what the teacher says, and only what it says now."""
import copy

import pytest
import small
import torch
import torch.nn as nn

from mmhssakd.models.distillers.folding import FoldedTeacher, outputs
from mmhssakd.registry import MODELS


def spread(network: nn.Module) -> nn.Module:
    """Give batch norms statistics and factors that matter."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            for tensor in (module.weight, module.bias, module.running_mean):
                nn.init.normal_(tensor, 0.5, 0.3)
            nn.init.uniform_(module.running_var, 0.5, 2)
    return network.requires_grad_(False).eval()


@pytest.fixture
def teacher():
    return spread(MODELS.build(small.config()).double())


def same(network, teacher, views):
    for ours, expected in zip(outputs(network, views), outputs(teacher, views)):
        torch.testing.assert_close(ours, expected, rtol=1e-11, atol=1e-12)


def test_same_logits_without_batch_norms(teacher):
    views, state = torch.randn(4, 3, 16, 16).double(), copy.deepcopy(teacher.state_dict())
    folded = FoldedTeacher(teacher).get(views)
    assert folded is not teacher and not any(isinstance(module, nn.BatchNorm2d) for module in folded.modules())
    assert not any(p.requires_grad for p in folded.parameters())
    same(folded, teacher, views)
    assert folded.head.fc.weight is teacher.head.fc.weight  # what is not folded is not doubled
    assert all(torch.equal(value, state[name]) for name, value in teacher.state_dict().items())


def test_a_change_of_the_teacher_is_seen(teacher):
    views, folded = torch.randn(4, 3, 16, 16).double(), FoldedTeacher(teacher)
    first = folded.get(views)
    assert folded.get(views) is first
    teacher.load_state_dict(spread(MODELS.build(small.config()).double()).state_dict())
    assert folded.get(views) is not first
    same(folded.get(views), teacher, views)
    teacher.backbone.bn1.running_mean.add_(1)
    same(folded.get(views), teacher, views)


def test_what_cannot_be_folded_runs_as_it_is(teacher):
    views = torch.randn(4, 3, 16, 16).double()
    conv = teacher.backbone.conv1
    conv.register_forward_hook(lambda module, args, output: output.relu())  # between convolution and batch norm
    assert FoldedTeacher(teacher).get(views) is teacher


def test_distiller_with_and_without_folding(tmp_path):
    config = small.config()
    torch.save(dict(state_dict=spread(MODELS.build(config)).state_dict()), tmp_path / 'teacher.pth')
    options = dict(type='HSSAKD', teacher=dict(config=config, checkpoint=str(tmp_path / 'teacher.pth')))
    folded = MODELS.build(small.config(**options)).double()
    plain = MODELS.build(small.config(**options, fold_teacher=False)).double()
    plain.load_state_dict(folded.state_dict())
    images = torch.randn(4, 3, 16, 16).double()
    losses = [model(images, small.samples([0, 1, 2, 3]), mode='loss') for model in (folded, plain)]
    assert plain._folded is None and folded._folded.copy is not folded.teacher
    for name, value in losses[0].items():
        torch.testing.assert_close(value, losses[1][name], rtol=1e-10, atol=1e-12)
    assert not any('_folded' in name for name in folded.state_dict())
    twin = copy.deepcopy(folded)
    assert twin._folded.teacher is twin.teacher
    folded.float()
    assert folded._folded.copy is None
