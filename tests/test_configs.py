"""Every shipped classification config builds, and gives on fixed weights and inputs the losses that it always gave."""

import json
from pathlib import Path

import config_losses
import pytest
from mmengine.config import Config

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize('file', config_losses.CONFIGS)
def test_losses(file, tmp_path):
    stored = json.loads(config_losses.STORED.read_text())
    assert set(stored) == set(config_losses.CONFIGS), 'run: python tests/config_losses.py'
    assert config_losses.losses(file, tmp_path) == pytest.approx(stored[file], rel=1e-3)


def test_imagenet_recipe_is_the_papers():
    cfg = Config.fromfile(ROOT / 'configs/hssakd_r18_imagenet.py')
    optimizer = dict(type='SGD', lr=0.1, momentum=0.9, weight_decay=1e-4)
    assert {key: cfg.optim_wrapper.optimizer[key] for key in optimizer} == optimizer
    assert cfg.param_scheduler.milestones == [30, 60, 90] and cfg.param_scheduler.gamma == 0.1
    assert cfg.train_cfg.max_epochs == 100
    assert cfg.auto_scale_lr.base_batch_size == 256 and cfg.train_dataloader.batch_size == 32


@pytest.mark.parametrize('depth, in_channels', [(34, 512), (50, 2048), (101, 2048)])
def test_another_depth_is_two_options(depth, in_channels, tmp_path):
    """``--cfg-options model.backbone.depth=... model.head.in_channels=...`` is all that it takes."""
    cfg = Config.fromfile(ROOT / 'configs/teacher_r34_imagenet.py')
    cfg.merge_from_dict({'model.backbone.depth': depth, 'model.head.in_channels': in_channels})
    model = config_losses.MODELS.build(cfg.model)
    assert [branch.fc.in_features for branch in model.auxiliary_neck.branches] == [in_channels] * 4


def test_validation_uses_the_test_images():
    cfg = Config.fromfile(ROOT / 'configs/fashion_mnist/ce_r8.py')
    from mmpretrain.registry import DATASETS

    dataset = DATASETS.build({**cfg.val_dataloader.dataset, 'data_root': str(ROOT / 'data/fashion-mnist')})
    assert len(dataset) == 10000
