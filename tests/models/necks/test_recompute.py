"""Checkpointed branches give the numbers of plain ones, batch norm's running statistics included."""

import copy

import small
import torch

from mmhssakd.registry import MODELS


def run(model, images):
    saved = []
    with torch.autograd.graph.saved_tensors_hooks(lambda tensor: saved.append(tensor.numel()) or tensor, lambda x: x):
        losses = model(images, small.samples([0, 1, 2, 3]), mode='loss')
    model.parse_losses(losses)[0].backward()
    return losses, sum(saved)


def test_equal_losses_gradients_and_statistics():
    plain = MODELS.build(small.config()).double().train()
    config = small.config(auxiliary_neck=dict(taps=small.TAPS, with_cp=True))
    checkpointed = MODELS.build(config).double().train()
    checkpointed.load_state_dict(copy.deepcopy(plain.state_dict()))
    images = torch.randn(4, 3, 16, 16).double()
    (expected, kept), (losses, fewer) = run(plain, images), run(checkpointed, images)
    assert fewer < 0.7 * kept
    for name, value in expected.items():
        torch.testing.assert_close(losses[name], value, rtol=1e-12, atol=0)
    for (name, ours), theirs in zip(checkpointed.named_parameters(), plain.parameters()):
        torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-9, atol=1e-12, msg=name)
    for (name, ours), theirs in zip(checkpointed.named_buffers(), plain.buffers()):
        torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=0, msg=name)
    assert all(m.momentum == 0.1 for m in checkpointed.modules() if isinstance(m, torch.nn.BatchNorm2d))
