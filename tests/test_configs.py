"""Every shipped classification config builds, gives the losses that it always gave, and trains as the paper says."""

import re

import config_losses
import pytest
import torch
from config_losses import CONFIGS, ROOT
from fashion_data import make_fashion
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.registry import PARAM_SCHEDULERS

from mmhssakd.registry import DATASETS, MODELS


def test_every_config_has_stored_losses():
    assert set(config_losses.stored()) == set(CONFIGS), 'run: python tests/helpers/config_losses.py'


@pytest.mark.parametrize(
    'file', [file for file in CONFIGS if 'cifar100' not in file]
)  # test_cifar_configs.py has those
def test_losses(file):
    assert config_losses.losses(file) == pytest.approx(config_losses.stored()[file], rel=1e-3)


@pytest.mark.parametrize('file', [file for file in CONFIGS if not re.search('fashion_mnist|photos', file)])
def test_recipe_is_the_papers(file):
    """With the learning rate of every epoch, as the schedulers give it."""
    cfg, imagenet = Config.fromfile(ROOT / file), 'imagenet' in file
    light = re.search(r'(mobilenetv2|shufflenetv[12])\.py$', file)
    epochs, steps = (100, (30, 60, 90)) if imagenet or 'frozen' in file else (240, (150, 180, 210))
    assert cfg.train_cfg.max_epochs == epochs
    wrapper = build_optim_wrapper(torch.nn.Linear(1, 1), cfg.optim_wrapper)
    scheduler = PARAM_SCHEDULERS.build(dict(cfg.param_scheduler, optimizer=wrapper))
    (group,) = wrapper.optimizer.param_groups
    assert type(wrapper.optimizer) is torch.optim.SGD
    assert (group['momentum'], group['weight_decay']) == (0.9, 1e-4 if imagenet else 5e-4)
    for epoch in range(epochs):
        drops = sum(epoch >= step for step in steps)
        assert group['lr'] == pytest.approx((0.1 if imagenet else 0.01 if light else 0.05) * 0.1**drops), epoch
        wrapper.optimizer.step()
        scheduler.step()
    batch = cfg.train_dataloader.batch_size
    assert batch == (32 if imagenet else 64) and cfg.auto_scale_lr.base_batch_size == (256 if imagenet else 64)


@pytest.mark.parametrize('depth, in_channels', [(34, 512), (50, 2048), (101, 2048)])
def test_another_depth_is_two_options(depth, in_channels):
    """``--cfg-options model.backbone.depth=... model.head.in_channels=...`` is all that it takes."""
    cfg = Config.fromfile(ROOT / 'configs/teacher_r34_imagenet.py')
    cfg.merge_from_dict({'model.backbone.depth': depth, 'model.head.in_channels': in_channels})
    model = MODELS.build(cfg.model)
    assert [branch.fc.in_features for branch in model.auxiliary_neck.branches] == [in_channels] * 4


def test_validation_uses_the_test_images(tmp_path):
    cfg = Config.fromfile(ROOT / 'configs/fashion_mnist/ce_r8.py')
    data_root = str(make_fashion(tmp_path, train=120, test=60))
    for loader in (cfg.val_dataloader, cfg.test_dataloader):
        assert len(DATASETS.build({**loader.dataset, 'data_root': data_root})) == 60


@pytest.mark.parametrize('file', sorted((ROOT / 'configs/cifar100/few_shot').glob('*.py')), ids=lambda file: file.stem)
def test_few_shot_is_a_quarter_of_every_class(file, tmp_path):
    dataset = Config.fromfile(file).train_dataloader.dataset
    assert dataset.dataset.type == 'CIFAR100' and dataset.dataset.split == 'train'
    images = dict(type='FashionMNIST', data_root=str(make_fashion(tmp_path)), split='train', pipeline=[])
    assert sorted(DATASETS.build(dict(dataset, dataset=images)).get_gt_labels()) == [i // 3 for i in range(30)]
