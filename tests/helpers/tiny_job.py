"""A short job for tools/train.py: images in Fashion-MNIST's format, a small student, a smaller teacher's checkpoint."""

from pathlib import Path
from typing import Optional

import mmengine.config.config
import pytest
import torch
import yapf.yapflib.yapf_api
from fashion_data import make_fashion
from mmengine.config import Config

from mmhssakd.registry import MODELS

ROOT = Path(__file__).parents[2]
CONFIG = """
_base_ = '{root}/configs/fashion_mnist/hssakd_r8.py'
train_pipeline = [
    dict(type='RandomCrop', crop_size=28, padding=2),
    dict(type='RandomFlip', prob=0.5, direction='horizontal'),
    dict(type='PackInputs'),
]
train_dataloader = dict(
    batch_size=7, num_workers={workers}, drop_last=False,
    dataset=dict(num_images=40, dataset=dict(data_root='{data}', pipeline=train_pipeline)))
val_dataloader = dict(batch_size=10, num_workers={workers}, dataset=dict(data_root='{data}'))
test_dataloader = val_dataloader
model = dict(teacher=dict(config='{folder}/teacher.py', checkpoint='{folder}/teacher.pth'))
randomness = dict(seed={seed})
default_hooks = dict(logger=dict(interval=1))
"""
EPOCHS = """
train_cfg = dict(max_epochs=3, val_interval=1)
param_scheduler = dict(total_steps=3, end=3)
default_hooks.update(checkpoint=dict(interval=1, max_keep_ckpts=2))
"""
ITERATIONS = """
train_cfg = dict(_delete_=True, by_epoch=False, max_iters=15, val_interval=6)
param_scheduler = dict(_delete_=True, type='CosineAnnealingLR', T_max=15, by_epoch=False)
train_dataloader.update(sampler=dict(type='InfiniteSampler', shuffle=True))
default_hooks.update(checkpoint=dict(interval=4, by_epoch=False, max_keep_ckpts=2))
log_processor = dict(by_epoch=False)
"""


def leave_configs_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let mmengine write a config's text without laying it out: for each log and checkpoint that takes longer than an
    epoch here. It imports yapf's function with its own module, or at each call.
    """
    for module in (mmengine.config.config, yapf.yapflib.yapf_api):
        monkeypatch.setattr(module, 'FormatCode', lambda text, **kwargs: (text, False), raising=False)


def prepare(folder: Path, workers: int, seed: Optional[int]) -> dict:
    """Write data, teacher and configs; returns the configs by kind and the name of each kind's last checkpoint."""
    make_fashion(folder / 'data', train=100, test=20)
    (folder / 'teacher.py').write_text(f"_base_ = '{ROOT}/configs/fashion_mnist/teacher_r8.py'\n")
    torch.manual_seed(0)
    torch.save(
        dict(state_dict=MODELS.build(Config.fromfile(folder / 'teacher.py').model).state_dict()), folder / 'teacher.pth'
    )
    found = {}
    for kind, text, last in (('epochs', EPOCHS, 'epoch_3.pth'), ('iterations', ITERATIONS, 'iter_15.pth')):
        common = CONFIG.format(root=ROOT, folder=folder, data=folder / 'data', workers=workers, seed=seed)
        (folder / f'{kind}.py').write_text(common + text)
        found[kind] = folder / f'{kind}.py', last
    return found
