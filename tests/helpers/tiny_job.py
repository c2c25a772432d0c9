"""Short jobs for tools/train.py: images in Fashion-MNIST's format, a small student, a smaller teacher's checkpoint, or
two peers; boxes in VOC's format and a small detector.
"""

from pathlib import Path
from typing import Optional

import mmengine.config.config
import pytest
import torch
import yapf.yapflib.yapf_api
from detection_data import make_voc, save_classifier
from fashion_data import make_fashion
from mmengine.config import Config
from small import HEAD, R8

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
ONLINE = """
_base_ = './epochs.py'
peer = dict(backbone=_base_.model.backbone, neck=_base_.model.neck, head=_base_.model.head, auxiliary_neck=dict())
model = dict(_delete_=True, type='mmhssakd.OnlineHSSAKD', peers=[peer, peer])
"""
DETECTOR = """
_base_ = '{base}'
train_dataloader = dict(
    batch_size=2, num_workers={workers}, dataset=dict(dataset=dict(data_root='{folder}/data')))
val_dataloader = dict(num_workers={workers}, dataset=dict(data_root='{folder}/data'))
test_dataloader = val_dataloader
model = dict(backbone=dict(init_cfg=dict(checkpoint='{folder}/backbone.pth')))
randomness = dict(seed={seed})
train_cfg = dict(max_epochs=3, val_interval=1)
param_scheduler = [dict(type='ExponentialLR', gamma=0.9)]
default_hooks = dict(logger=dict(interval=1), checkpoint=dict(interval=1, max_keep_ckpts=2))
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


def prepare_online(folder: Path, **kwargs) -> dict:
    """:func:`prepare`, and the config of two peers that count epochs."""
    found = prepare(folder, **kwargs)
    (folder / 'online.py').write_text(ONLINE)
    return dict(found, online=(folder / 'online.py', 'epoch_3.pth'))


def prepare_detector(folder: Path, workers: int, seed: Optional[int]) -> dict:
    """The same for a detector, with its backbone's checkpoint."""
    base = ROOT / 'configs/detection/faster-rcnn_r8_fpn_fashion-scenes.py'
    classes = Config.fromfile(base).class_names
    make_voc(folder / 'data', classes[:2], count=6)
    torch.manual_seed(0)
    save_classifier(folder / 'backbone.pth', dict(R8), HEAD['in_channels'])
    config = folder / 'detector.py'
    config.write_text(DETECTOR.format(base=base, folder=folder, workers=workers, seed=seed))
    return dict(detector=(config, 'epoch_3.pth'))
