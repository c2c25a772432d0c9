"""Every CIFAR-100 config builds, and gives on fixed weights and inputs the losses that it always gave.

``python tests/test_cifar_configs.py`` computes the stored losses anew.
"""

import atexit
import functools
import json
import tempfile
from pathlib import Path

import golden
import numpy as np
import pytest
import torch
from mmengine.config import Config

from mmhssakd.registry import MODELS

ROOT = Path(__file__).parents[1]
STORED = Path(__file__).parent / 'data' / 'cifar_config_losses.json'
FILES = sorted(str(file.relative_to(ROOT)) for file in (ROOT / 'configs/cifar100').glob('*.py'))
# KD and the frozen teachers are the same models but for two options, which have a test of their own.
CONFIGS = [file for file in FILES if '/kd_' not in file and '_frozen' not in file] + [
    'configs/cifar100/kd_resnet56_resnet20.py',
    'configs/cifar100/teacher_wrn40x2_frozen.py',
]
TABLE = torch.from_numpy(np.random.RandomState(0).standard_normal(10007))


def draw_weights(model: torch.nn.Module, base: int = 0) -> dict:
    """Fill the weights, scaled as by ``golden.draw``; the large tensors from a table, which is quicker."""
    state = model.state_dict()
    for i, (name, value) in enumerate(state.items(), start=base):
        if value.ndim < 4:
            value.copy_(golden.draw(name, list(value.shape), i))
        else:
            numbers = TABLE.roll(-i).repeat(-(-value.numel() // len(TABLE)))[: value.numel()]
            value.copy_(numbers.view_as(value) * (2 / value[0].numel()) ** 0.5)
    return state


@functools.cache
def teacher_checkpoint(config: str) -> str:
    """A checkpoint of a teacher's config with drawn weights, once for all its students."""
    file = tempfile.NamedTemporaryFile(suffix='.pth', delete=False).name
    atexit.register(Path(file).unlink)
    torch.save(draw_weights(MODELS.build(Config.fromfile(config).model), 10000), file)
    return file


def losses(file: str) -> dict:
    """Loss terms of one training step of a config's model."""
    model = Config.fromfile(ROOT / file).model
    if model.get('teacher'):
        model.teacher.checkpoint = teacher_checkpoint(model.teacher.config)
    model = MODELS.build(model)
    draw_weights(model)
    images, data_samples = golden.batch(dict(batch=2, resolution=16, labels=[5, 9]))
    found = model.train()(images.float(), data_samples, mode='loss')
    model.parse_losses(found)[0].backward()
    untouched = [name for name, p in model.named_parameters() if p.requires_grad and p.grad is None]
    assert not untouched
    return {name: value.item() for name, value in found.items() if 'loss' in name}


@pytest.mark.parametrize('file', CONFIGS)
def test_losses(file):
    stored = json.loads(STORED.read_text())
    assert set(stored) == set(CONFIGS), 'run: python tests/test_cifar_configs.py'
    assert losses(file) == pytest.approx(stored[file], rel=1e-3)


@pytest.mark.parametrize(
    'network, lr',
    [('resnet20', 0.05), ('wrn16x2', 0.05), ('mobilenetv2', 0.01), ('shufflenetv1', 0.01), ('shufflenetv2', 0.01)],
)
def test_recipe_is_the_papers(network, lr):
    cfg = Config.fromfile(ROOT / f'configs/cifar100/ce_{network}.py')
    optimizer = cfg.optim_wrapper.optimizer
    assert (optimizer.type, optimizer.lr, optimizer.momentum, optimizer.weight_decay) == ('SGD', lr, 0.9, 5e-4)
    assert cfg.param_scheduler.milestones == [150, 180, 210] and cfg.param_scheduler.gamma == 0.1
    assert cfg.train_cfg.max_epochs == 240 and cfg.train_dataloader.batch_size == 64
    assert [t['type'] for t in cfg.train_dataloader.dataset.pipeline] == ['RandomCrop', 'RandomFlip', 'PackInputs']


def model_of(file: str) -> dict:
    return Config.fromfile(ROOT / file).model.to_dict()


@pytest.mark.parametrize('file', [file for file in FILES if '/kd_' in file])
def test_kd_is_the_pair_without_branches_and_views(file):
    pair = model_of(file.replace('/kd_', '/hssakd_'))
    assert model_of(file) == dict(pair, auxiliary_neck=None, views=None)


@pytest.mark.parametrize('file', [file for file in FILES if '_frozen' in file])
def test_frozen_teacher_is_the_joint_one_on_given_weights_for_a_hundred_epochs(file):
    network = file.split('teacher_')[1].removesuffix('_frozen.py')
    init_cfg = dict(type='Pretrained', checkpoint=f'work_dirs/ce_{network}/epoch_240.pth')
    assert model_of(file) == dict(model_of(file.replace('_frozen', '')), frozen=True, init_cfg=init_cfg)
    cfg = Config.fromfile(ROOT / file)
    assert cfg.train_cfg.max_epochs == 100 and cfg.param_scheduler.milestones == [30, 60, 90]


@pytest.mark.parametrize('arm', ['ce_resnet20', 'kd_resnet56_resnet20', 'hssakd_resnet56_resnet20'])
def test_few_shot(arm):
    cfg, full = (Config.fromfile(ROOT / f'configs/cifar100/{name}.py') for name in (f'few_shot/{arm}_25', arm))
    dataset = full.train_dataloader.dataset.to_dict()
    assert cfg.train_dataloader.dataset.to_dict() == dict(
        type='mmhssakd.StratifiedSubset', fraction=0.25, seed=0, dataset=dataset
    )
    assert cfg.train_cfg == full.train_cfg and cfg.model == full.model


if __name__ == '__main__':
    import mmhssakd  # noqa: F401

    computed = {file: losses(file) for file in CONFIGS}
    STORED.write_text(json.dumps(computed, indent=1) + '\n')
