"""One call from a timm checkpoint and folders to a student, one more to a detector."""

import os
import subprocess
import sys
from pathlib import Path

import cv2
import detection_data
import numpy as np
import pytest
import timm
import torch
from mmengine.config import Config
from safetensors.torch import save_file

import mmhssakd
from mmhssakd.shortcuts import timm_teacher
from mmhssakd.weights.checkpoint import read_state_dict

FEW = {
    'randomness.seed': 0,
    'train_dataloader.batch_size': 4,
    'train_dataloader.num_workers': 0,
    'val_dataloader.num_workers': 0,
    'val_dataloader.batch_size': 4,
}


@pytest.fixture
def images(tmp_path) -> Path:
    for split, label in [(split, label) for split in ('train', 'val') for label in ('cat', 'dog')]:
        (tmp_path / 'images' / split / label).mkdir(parents=True)
        for i in range(2):
            cv2.imwrite(str(tmp_path / 'images' / split / label / f'{i}.jpg'), detection_data.image((64, 64, 3)))
    (tmp_path / 'more').mkdir()
    for i in range(4):
        cv2.imwrite(str(tmp_path / f'more/{i}.jpg'), detection_data.image((64, 80, 3)))
    return tmp_path / 'images'


@pytest.mark.slow
def test_from_a_timm_checkpoint_to_a_detector(images, tmp_path):
    torch.manual_seed(0)
    network = timm.create_model('convnext_atto', num_classes=7)
    save_file(network.state_dict(), tmp_path / 'convnext.safetensors')
    command = [sys.executable, '-m', 'mmhssakd', 'distill', '--teacher', 'convnext_atto', '--images', images]
    command += ['--weights', tmp_path / 'convnext.safetensors', '--unlabelled', tmp_path / 'more', '--epochs', 1]
    command += ['--work-dir', tmp_path / 'work', '--cfg-options', *(f'{key}={value}' for key, value in FEW.items())]
    environment = dict(os.environ, PYTHONPATH=str(Path(__file__).parents[1]))
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, env=environment)
    assert not done.returncode, done.stdout + done.stderr
    student = Path(done.stdout.splitlines()[-1])
    assert student == tmp_path / 'work/student/epoch_1.pth'
    teacher = read_state_dict(str(tmp_path / 'work/teacher/epoch_1.pth'))
    for name, value in network.state_dict().items():
        assert name.startswith('head.fc') or torch.equal(teacher[f'backbone.timm_model.{name}'], value)
    assert teacher['head.fc.weight'].shape == (2, 320)
    assert 'labelled: 2.0' in done.stdout or 'labelled: 1.0' in done.stdout or 'labelled: 3.0' in done.stdout

    boxes = detection_data.make_voc(tmp_path / 'boxes')
    options = {'train_cfg.max_epochs': 1, 'train_dataloader.dataset.times': 1}
    options |= {**FEW, 'test_pipeline.1.scale': '(128,96)', 'train_pipeline.2.scale': '(128,96)'}
    detector = mmhssakd.finetune(
        'faster-rcnn_r18_fpn_folder', backbone=student, data=boxes, work_dir=tmp_path / 'detector', options=options
    )
    assert detector == tmp_path / 'detector/epoch_1.pth'
    stem = read_state_dict(str(student))['backbone.conv1.weight']  # frozen in the detector
    assert torch.equal(read_state_dict(str(detector))['backbone.conv1.weight'], stem)


@pytest.mark.slow
def test_the_recipe_for_little_time(images, tmp_path):
    network = timm.create_model('resnet10t', num_classes=7)
    save_file(network.state_dict(), tmp_path / 'resnet.safetensors')
    student = mmhssakd.distill(
        'resnet10t',
        images,
        tmp_path / 'work',
        student='hssakd_budget_r18_imagenet',
        weights=tmp_path / 'resnet.safetensors',
        unlabelled=tmp_path / 'more',
        epochs=1,
        options=FEW,
    )
    assert student == tmp_path / 'work/student/epoch_1.pth'
    assert not any('auxiliary' in name for name in read_state_dict(str(tmp_path / 'work/teacher/epoch_1.pth')))
    kept = np.load(tmp_path / 'work/teacher.npy')
    assert len(kept) == 8 * 8 and kept[:, :2].any(1).sum() == 8  # images x crops; each image was met once
    assert Config.fromfile(tmp_path / 'work/student.py').model.loss_weight.task == 0.25 / 2  # half have labels


def test_folder_without_classes(tmp_path):
    with pytest.raises(FileNotFoundError, match='must hold the folders train and val'):
        mmhssakd.distill('convnext_atto', tmp_path, tmp_path / 'work')


def test_no_such_model_and_weights_of_another(tmp_path):
    torch.save(timm.create_model('resnet10t', num_classes=3).state_dict(), tmp_path / 'a.pth')
    for name in ('nonsense', 'resnet18'):
        with pytest.raises(ValueError, match=f"teacher: timm does not load '{name}' from .*a.pth: "):
            timm_teacher(name, tmp_path / 'a.pth', tmp_path / 'b.pth')


@pytest.mark.parametrize('key', [None, 'model_ema'])
def test_weights_as_a_trainer_saves_them(tmp_path, key):
    network = timm.create_model('resnet10t', num_classes=3)
    torch.save({key: network.state_dict(), 'epoch': 3} if key else network.state_dict(), tmp_path / 'theirs.pth')
    fields = timm_teacher('resnet10t', tmp_path / 'theirs.pth', tmp_path / 'ours.pth')
    assert fields['channels'] == 512
    for name, value in read_state_dict(str(tmp_path / 'ours.pth')).items():
        assert torch.equal(value, network.state_dict()[name])
