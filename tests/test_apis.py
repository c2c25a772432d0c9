"""Models by name, and the inferencers of mmpretrain and mmdet on our checkpoints."""

import runpy
import sys
from unittest import mock

import numpy as np
import pytest
import torch
from mmdet.apis import DetInferencer
from mmengine.config import Config
from mmpretrain import ImageClassificationInferencer

import mmhssakd
from mmhssakd.apis import find_config, home
from mmhssakd.registry import MODELS

DETECTOR = 'faster-rcnn_r8_fpn_fashion-scenes'
CLASSES = ('T-shirt/top', 'Trouser', 'Pullover', 'Dress', 'Coat', 'Sandal', 'Shirt', 'Sneaker', 'Bag', 'Ankle boot')


@pytest.fixture
def checkpoint(tmp_path):
    """What training of the student writes: no teacher, with branches and the data set's classes."""
    cfg = Config.fromfile(find_config('hssakd_r8'))
    student = MODELS.build(dict(cfg.model, teacher=None))
    file = tmp_path / 'student.pth'
    torch.save(dict(state_dict=student.state_dict(), meta=dict(dataset_meta=dict(classes=CLASSES))), file)
    return str(file)


@pytest.mark.parametrize('name', ['hssakd_r8', 'hssakd_r8.py', 'ce_r8'])
def test_get_model(name, checkpoint):
    model = mmhssakd.get_model(name, pretrained=checkpoint)
    assert not model.training and getattr(model, 'teacher', None) is None
    weights = torch.load(checkpoint, weights_only=True)['state_dict']
    assert torch.equal(model.head.fc.weight, weights['head.fc.weight'])
    assert torch.equal(model.backbone.conv1.weight, weights['backbone.conv1.weight'])


def test_settings_are_merged():
    model = mmhssakd.get_model('hssakd_r8', head=dict(num_classes=7))
    assert model.head.fc.out_features == 7 and model.auxiliary_neck.branches[0].fc.out_features == 28


def test_refusals(checkpoint):
    with pytest.raises(FileNotFoundError, match="'hssakd_r9' is neither a config file nor.*python -m mmhssakd"):
        mmhssakd.get_model('hssakd_r9')
    with pytest.raises(FileNotFoundError, match='pretrained: no such checkpoint: none.pth'):
        mmhssakd.get_model('hssakd_r8', pretrained='none.pth')
    with pytest.raises(ValueError, match='pretrained: .* does not fit SSAClassifier'):
        mmhssakd.get_model('teacher_r8', pretrained=checkpoint)


def test_classification_inferencer(checkpoint):
    image = np.random.RandomState(0).randint(0, 255, (28, 28), dtype=np.uint8)
    model = mmhssakd.get_model('hssakd_r8', pretrained=checkpoint)
    found = ImageClassificationInferencer(model)(image)[0]
    assert found['pred_class'] == CLASSES[found['pred_label']]
    mean, std = 72.94, 90.02
    normalized = (torch.from_numpy(image).float().expand(1, 3, -1, -1) - mean) / std
    np.testing.assert_allclose(found['pred_scores'], model(normalized).softmax(1)[0].detach(), rtol=1e-4)
    # and without our function: a config, a checkpoint, no teacher
    other = ImageClassificationInferencer(find_config('hssakd_r8'), pretrained=checkpoint, teacher=None)(image)[0]
    np.testing.assert_allclose(other['pred_scores'], found['pred_scores'], rtol=1e-4)


def test_detection_inferencer(tmp_path):
    model = mmhssakd.get_model(DETECTOR)
    file = str(tmp_path / 'detector.pth')
    torch.save(dict(state_dict=model.state_dict(), meta=dict(dataset_meta=dict(classes=CLASSES))), file)
    assert mmhssakd.get_model(DETECTOR, pretrained=file).dataset_meta['classes'] == CLASSES
    image = np.random.RandomState(0).randint(0, 255, (64, 64, 3), dtype=np.uint8)
    found = DetInferencer(find_config(DETECTOR), file, device='cpu', show_progress=False)(image)['predictions'][0]
    assert set(found) == {'labels', 'scores', 'bboxes'} and len(found['labels']) == len(found['bboxes'])


def test_listing(capsys):
    with mock.patch.object(sys, 'argv', ['mmhssakd', 'list', 'hssakd_r*']):
        runpy.run_module('mmhssakd', run_name='__main__')
    printed = capsys.readouterr().out
    assert 'hssakd_r18_imagenet' in printed and 'configs/cifar100/hssakd_resnet56_resnet20.py' in printed
    assert 'teacher_r34_imagenet' not in printed and str(home()) in printed
    with mock.patch.object(sys, 'argv', ['mmhssakd']):
        runpy.run_module('mmhssakd', run_name='__main__')
    printed = capsys.readouterr().out
    assert 'MODELS: ' in printed and 'OnlineHSSAKD' in printed and 'HSSAKD-Detection' in printed
    assert all(name in printed for name in mmhssakd.list_models())


def test_no_configs_beside_the_package(monkeypatch, tmp_path):
    monkeypatch.setattr('mmhssakd.apis.__file__', str(tmp_path / 'mmhssakd' / 'apis.py'))
    with pytest.raises(FileNotFoundError, match='has no configs beside it: install the package with pip'):
        home()
