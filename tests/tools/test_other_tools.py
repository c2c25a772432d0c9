"""Configs of ours in mmpretrain's and mmdet's own tools and inferencers: what runs is what the config says."""

import json
import subprocess
import sys
from pathlib import Path

import cv2
import detection_data
import mmdet
import mmpretrain
import numpy as np
import pytest
import torch
from mmdet.apis import DetInferencer
from mmengine.config import Config
from mmpretrain.apis import ImageClassificationInferencer
from processes import ROOT, run

DATA = "dict(_delete_=True, type='CustomDataset', data_root='{}', pipeline={})"
STUDENT = """
_base_ = '{root}/configs/fashion_mnist/hssakd_r8.py'
train_dataloader = dict(batch_size=5, num_workers=1, dataset={data})
val_dataloader = dict(batch_size=5, num_workers=1, dataset={data})
test_dataloader = val_dataloader
model = dict(teacher=dict(checkpoint='{folder}/teacher.pth'))
train_cfg = dict(max_epochs=1, val_interval=1)
param_scheduler = dict(total_steps=1, end=1)
default_hooks = dict(checkpoint=dict(interval=1))
randomness = dict(seed=0)
"""
DETECTOR = """
_base_ = '{root}/configs/detection/faster-rcnn_r8_fpn_fashion-scenes.py'
data = dict(data_root='{folder}/voc/', metainfo=dict(classes=('square', 'disc')))
train_dataloader = dict(batch_size=1, dataset=dict(dataset=data))
val_dataloader = dict(dataset=data)
test_dataloader = val_dataloader
model = dict(backbone=dict(init_cfg=dict(checkpoint='{folder}/r8.pth')), roi_head=dict(bbox_head=dict(num_classes=2)))
train_cfg = dict(max_epochs=1, val_interval=1)
default_hooks = dict(checkpoint=dict(interval=1))
randomness = dict(seed=0)
"""


def tool(package, name: str) -> Path:
    return Path(package.__file__).parent / '.mim/tools' / name


def train(folder: Path, config: str, package) -> Path:
    """Train by our tool and by the package's; returns the folder of the second run, whose weights are the first's."""
    (folder / 'run.py').write_text(config.format(root=ROOT, folder=folder, data=DATA.format(folder / 'images', LOAD)))
    for script, name in (('train.py', 'ours'), (tool(package, 'train.py'), 'theirs')):
        run(script, folder / 'run.py', '--work-dir', folder / name)
    ours, theirs = (torch.load(folder / name / 'epoch_1.pth', weights_only=True) for name in ('ours', 'theirs'))
    assert ours['state_dict'].keys() == theirs['state_dict'].keys() and ours['meta']['iter'] == 2
    for name, value in ours['state_dict'].items():
        assert torch.equal(value, theirs['state_dict'][name]), name
    for name in ('ours', 'theirs'):
        assert (folder / name / 'last_checkpoint').read_text() == str(folder / name / 'epoch_1.pth')  # AtomicCheckpoint
    return folder / 'theirs'


LOAD = [dict(type='LoadImageFromFile'), dict(type='PackInputs')]


@pytest.fixture(scope='module')
def classifier(tmp_path_factory, teacher) -> Path:
    """Work dir of a student of two steps on a folder of ten pictures."""
    folder = tmp_path_factory.mktemp('classifier')
    for i in range(10):
        (folder / f'images/class_{i}').mkdir(parents=True)
        cv2.imwrite(str(folder / f'images/class_{i}/0.png'), np.roll(detection_data.image((28, 28, 3)), i))
    (folder / 'teacher.pth').write_bytes(teacher.read_bytes())
    return train(folder, STUDENT, mmpretrain)


@pytest.fixture(scope='module')
def detector(tmp_path_factory) -> Path:
    """Work dir of a detector of two steps on two pictures."""
    folder = tmp_path_factory.mktemp('detector')
    detection_data.make_voc(folder / 'voc')
    backbone = dict(type='mmhssakd.CIFARResNet', depth=8, stem_channels=8, base_channels=8)
    detection_data.save_classifier(folder / 'r8.pth', backbone, 32)
    return train(folder, DETECTOR, mmdet)


def test_the_classifiers_written_config(classifier):
    """It is tested, and classifies, without the teacher and by the loader's own name."""
    (classifier.parent / 'teacher.pth').unlink()
    picture = str(classifier.parent / 'images/class_3/0.png')
    inferencer = ImageClassificationInferencer(str(classifier / 'run.py'), str(classifier / 'epoch_1.pth'))
    assert 0 <= inferencer(picture)[0]['pred_label'] < 10
    for script, name in (('test.py', 'ours'), (tool(mmpretrain, 'test.py'), 'theirs')):
        options = ['--work-dir', classifier / name, '--out', classifier / f'{name}.json']
        run(script, classifier / 'run.py', classifier / 'epoch_1.pth', *options, *EXTRA.get(name, []))
    ours, theirs = (json.loads((classifier / f'{name}.json').read_text()) for name in ('ours', 'theirs'))
    assert ours['accuracy/top1'] == theirs['accuracy/top1']


EXTRA = {'theirs': ['--out-item', 'metrics']}  # of mmpretrain's test.py


def test_the_detectors_written_config(detector):
    picture = str(detector.parent / 'voc/JPEGImages/000000.jpg')
    cfg = Config.fromfile(detector / 'run.py')
    inferencer = DetInferencer(str(detector / 'run.py'), str(detector / 'epoch_1.pth'), device='cpu')
    assert len(inferencer(picture)['predictions']) == 1 and cfg.runner_type == 'mmhssakd.Runner'
    # mmdet's test.py asks for operators before it reads a config, so mmhssakd is imported first (docs/faq.md)
    start = 'import runpy, sys, mmhssakd; del sys.argv[0]; runpy.run_path(sys.argv[0], run_name="__main__")'
    arguments = [tool(mmdet, 'test.py'), detector / 'run.py', detector / 'epoch_1.pth', '--work-dir', detector / 'test']
    done = subprocess.run([sys.executable, '-c', start, *map(str, arguments)], capture_output=True, text=True)
    assert done.returncode == 0 and 'pascal_voc/mAP' in done.stdout + done.stderr, done.stderr[-2000:]
