from types import SimpleNamespace

import pytest
import torch
from mmpretrain.structures import DataSample

from mmhssakd.registry import HOOKS

RUNNER = SimpleNamespace(iter=6, epoch=1, work_dir='work_dirs/x')


def check(**outputs):
    sample = DataSample(metainfo=dict(img_path='data/imagenet/cat.jpg'))
    HOOKS.build(dict(type='NonFiniteLossHook')).after_train_iter(
        RUNNER, 0, dict(data_samples=[sample]), {name: torch.tensor(value) for name, value in outputs.items()})


def test_finite_losses_pass():
    check(loss=1., loss_task=1., acc_p=float('nan'))


@pytest.mark.parametrize('value', ['nan', 'inf', '-inf'])
def test_the_term_the_iteration_and_the_images_are_named(value):
    with pytest.raises(FloatingPointError, match=f'^loss_kl_q={value} in iteration 7 .epoch 2.*work_dirs/x.*cat.jpg'):
        check(loss=float(value), loss_task=1., loss_kl_q=float(value))


def test_the_sum_alone():
    with pytest.raises(FloatingPointError, match='^loss=inf'):
        check(loss=float('inf'), loss_task=3e38)
