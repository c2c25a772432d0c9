"""What a step does not do (wait for the device), and what mmengine's options do with our models."""

import copy

import pytest
import small
import torch
import torch.nn as nn
from mmengine.model import convert_sync_batchnorm
from mmengine.optim import OptimWrapper

from mmhssakd.registry import MODELS


@pytest.fixture
def options(tmp_path):
    config = small.config()
    torch.save(dict(state_dict=MODELS.build(config).state_dict()), tmp_path / 'teacher.pth')
    return dict(type='HSSAKD', teacher=dict(config=config, checkpoint=str(tmp_path / 'teacher.pth')))


def test_a_step_never_waits_for_the_device(options):
    """A tensor without data cannot be read: any ``.item()`` or ``if tensor`` in the step raises."""
    model = MODELS.build(small.config(**options)).to('meta')
    samples = small.samples([0, 1, 2, 3])
    for sample in samples:
        sample.set_gt_label(sample.gt_label.to('meta'))
    optimizer = OptimWrapper(torch.optim.SGD(model.parameters(), 0.1, momentum=0.9))
    log = model.train_step(dict(inputs=torch.empty(4, 3, 16, 16, device='meta'), data_samples=samples), optimizer)
    assert {'loss_task', 'loss_kl_q', 'loss_kl_p', 'acc_p', 'acc_q3', 'kl_q3'} < set(log)
    with pytest.raises((RuntimeError, NotImplementedError)):
        log['loss'].item()


def test_accumulated_gradients_are_those_of_the_whole_batch(options):
    whole = MODELS.build(small.config(**options, backbone=dict(small.R8, norm_cfg=dict(type='GN', num_groups=4))))
    halves = copy.deepcopy(whole)
    images = torch.randn(4, 3, 16, 16)
    for model, counts in ((whole, 1), (halves, 2)):
        wrapper = OptimWrapper(torch.optim.SGD(model.parameters(), 0.1), accumulative_counts=counts)
        for part in torch.arange(4).chunk(counts):
            data = dict(inputs=images[part], data_samples=small.samples(part.tolist()))
            model.train_step(data, wrapper)
    for (name, ours), theirs in zip(halves.named_parameters(), whole.parameters()):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-6, msg=name)


def test_sync_bn_is_for_the_student_and_its_branches_alone(options):
    model = convert_sync_batchnorm(MODELS.build(small.config(**options)), 'torch')
    norms = [module for module in model.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)]
    assert len(norms) > 7 and all(isinstance(norm, nn.SyncBatchNorm) for norm in norms)
    assert not any(isinstance(module, nn.SyncBatchNorm) for module in model.teacher.modules())
    losses = model(torch.randn(4, 3, 16, 16), small.samples([0, 1, 2, 3]), mode='loss')  # one process: plain batch norm
    assert torch.isfinite(model.parse_losses(losses)[0])


def test_the_teacher_follows_the_images(options):
    """FSDP moves the parameters that it manages; the teacher is none of them."""
    model = MODELS.build(small.config(**options))
    model.teach(torch.empty(4, 3, 16, 16, device='meta'))
    assert {p.device.type for p in model.teacher.parameters()} == {'meta'}
