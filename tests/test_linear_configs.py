"""The linear probes train a linear layer and nothing else."""

from pathlib import Path

import numpy as np
import pytest
import torch
from detection_data import save_classifier
from mmengine.config import Config
from mmengine.runner import Runner
from mmpretrain.datasets import BaseDataset

from mmhssakd.registry import DATASETS

CONFIGS = sorted((Path(__file__).parents[1] / 'configs/benchmarks').glob('linear_*.py'))


@DATASETS.register_module()
class FourImages(BaseDataset):
    """Four random images, for each config's own pipeline."""

    def load_data_list(self):
        rng = np.random.RandomState(0)
        return [dict(img=rng.randint(0, 255, (32, 32, 3)).astype(np.uint8), gt_label=i) for i in range(4)]


@pytest.mark.parametrize('file', CONFIGS, ids=lambda file: file.stem)
def test_only_the_linear_layer_trains(file, tmp_path):
    cfg = Config.fromfile(file)
    network = ('type', 'depth', 'stem_channels', 'base_channels')
    backbone = {key: value for key, value in cfg.model.backbone.items() if key in network}
    save_classifier(tmp_path / 'student.pth', backbone, cfg.model.head.in_channels)
    cfg.model.backbone.init_cfg.checkpoint = str(tmp_path / 'student.pth')
    dataset = cfg.train_dataloader.dataset
    pipeline = [step for step in dataset.get('dataset', dataset).pipeline if step.type != 'LoadImageFromFile']
    cfg.train_dataloader = dict(
        batch_size=4,
        num_workers=0,
        collate_fn=dict(type='default_collate'),
        dataset=dict(type='mmhssakd.FourImages', ann_file='', pipeline=pipeline),
        sampler=dict(type='DefaultSampler', shuffle=False),
    )
    cfg.val_dataloader = cfg.val_cfg = cfg.val_evaluator = None
    cfg.test_dataloader = cfg.test_cfg = cfg.test_evaluator = None
    cfg.train_cfg.max_epochs = 1
    cfg.work_dir, cfg.experiment_name = str(tmp_path / 'work'), tmp_path.name
    runner = Runner.from_cfg(cfg)
    head = {name: value.clone() for name, value in runner.model.head.state_dict().items()}
    runner.train()
    state = torch.load(tmp_path / 'student.pth', weights_only=True)['state_dict']
    for name, value in runner.model.backbone.state_dict().items():
        assert torch.equal(value, state[f'backbone.{name}']), name
    assert not torch.equal(runner.model.head.fc.bias, head['fc.bias'])


@pytest.mark.parametrize('file', CONFIGS, ids=lambda file: file.stem)
def test_recipe(file):
    cfg = Config.fromfile(file)
    assert cfg.optim_wrapper.optimizer == dict(type='SGD', lr=0.1, momentum=0.9, weight_decay=0, nesterov=True)
    assert cfg.param_scheduler.milestones == [30, 60, 90] and cfg.train_cfg.max_epochs == 100
    assert cfg.train_dataloader.batch_size == 64
    assert cfg.model.head.num_classes == cfg.data_preprocessor.num_classes
