"""Graphs that compute what torch computes, for a student and for a detector."""

import json
import re
import runpy

import cv2
import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from detection_data import image
from mmdet.structures import DetDataSample
from processes import ROOT, call, run

import mmhssakd
from mmhssakd.apis import find_config
from mmhssakd.converters.onnx import DetectorGraph

TOOL = 'model_converters/export_onnx.py'

TOOLS = runpy.run_path(str(ROOT / 'tools' / TOOL))
SCENES = 'faster-rcnn_r8_fpn_fashion-scenes'
DETECTORS = {SCENES: 30, 'retinanet_r18_fpn_voc0712': 10, 'rtmdet_cspnext-tiny_voc0712': 10}


def save(model, file) -> str:
    torch.save(dict(state_dict=model.state_dict()), file)
    return str(file)


def compute(file, inputs: torch.Tensor, **more: np.ndarray) -> list:
    session = onnxruntime.InferenceSession(str(file), providers=['CPUExecutionProvider'])
    return session.run(None, {session.get_inputs()[0].name: inputs.numpy(), **more})


def test_student(tmp_path, capsys):
    student = mmhssakd.get_model('hssakd_r8')
    out = tmp_path / 'student.onnx'
    call(TOOL, find_config('hssakd_r8'), save(student, tmp_path / 'a.pth'), out, '--size', 28, 28)
    assert 'images -> logits; largest difference to torch' in capsys.readouterr().out
    images = torch.randn(5, 3, 28, 28)
    np.testing.assert_allclose(compute(out, images)[0], student(images).detach(), rtol=1e-3, atol=1e-4)
    graph = onnx.load(str(out))
    notes = {prop.key: json.loads(prop.value) for prop in graph.metadata_props if prop.key in ('mean', 'channels')}
    assert notes['mean'] == pytest.approx([72.94] * 3) and notes['channels'].startswith('BGR')
    weights = sum(np.prod(tensor.dims) for tensor in graph.graph.initializer)
    own = sum(p.numel() for part in (student.backbone, student.head) for p in part.parameters())
    assert weights < 1.1 * own  # no branches


def spread(detector: torch.nn.Module, factor: float) -> torch.nn.Module:
    """Scores of random weights differ too little to find anything."""
    for name, parameter in detector.named_parameters():
        if name.endswith(('fc_cls.weight', 'retina_cls.weight')) or 'rtm_cls' in name:
            parameter.data.mul_(factor)
    return detector


def pixels(*size: int) -> tuple:
    """An image of noise, of which the right column is padding, and its data sample."""
    return torch.randn(1, 3, *size), DetDataSample(metainfo=dict(img_shape=(size[0], size[1] - 8)))


def predicted(detector: torch.nn.Module, images: torch.Tensor, sample: DetDataSample) -> list:
    with torch.no_grad():
        found = detector.predict(images, [sample], rescale=False)[0].pred_instances
    return [found.bboxes, found.scores, found.labels]


@pytest.mark.parametrize('name, factor', DETECTORS.items())
def test_detector(name, factor, tmp_path, capsys):
    """Boxes, scores and labels are those of mmdet, on pictures and on padded noise."""
    torch.manual_seed(0)
    detector, size = spread(mmhssakd.get_model(name), factor), (64, 96)
    out, arguments = tmp_path / 'detector.onnx', []
    if name == SCENES:
        cv2.imwrite(str(tmp_path / 'wide.png'), image((64, 112, 3)))
        cv2.imwrite(str(tmp_path / 'tall.png'), image((112, 64, 3)))
        size, arguments = (64, 120), ['--images', tmp_path]
    call(TOOL, find_config(name), save(detector, tmp_path / 'a.pth'), out, '--size', *size, *arguments)
    printed = capsys.readouterr().out
    assert int(re.search(r'(\d+) detections in 1 image', printed).group(1)) >= 5
    assert re.search(r'onnxruntime: [\d.]+ ms an image', printed)
    assert ('tall.png is left out: ' in printed) == (name == SCENES)
    operators = [node.op_type for node in onnx.load(str(out)).graph.node]
    assert operators.count('NonMaxSuppression') == (2 if name == SCENES else 1)
    assert ('RoiAlign' in operators) == (name == SCENES)

    images, sample = pixels(*size)
    shape = np.float32(sample.img_shape)
    found = compute(out, images, size=shape)
    expected = predicted(detector, images, sample)
    boxes, scores = TOOLS['differences']([torch.from_numpy(output) for output in found], expected)
    assert len(found[0]) >= 5 and boxes < 1e-3 and scores < 1e-4
    assert found[0].max() <= shape.max() and (np.diff(found[1]) <= 0).all()
    sample.set_metainfo(dict(img_shape=size))
    whole = [torch.from_numpy(output) for output in compute(out, images)]  # without a size
    assert TOOLS['differences'](whole, predicted(detector, images, sample))[0] < 1e-3
    assert len(compute(out, images * float('nan'))[0]) == 0

    session = onnxruntime.InferenceSession(str(out))
    for parameter in detector.parameters():
        parameter.data.mul_(1.01)
    with pytest.raises(ArithmeticError, match='noise has .* detections, and .* in torch'):
        TOOLS['check_detector'](detector, session, [('noise', images, sample)])
    with pytest.raises(ArithmeticError, match='no image to compare on'):
        TOOLS['check_detector'](detector, session, [])


def test_differences():
    """Equal scores may come in another order; a box of another class is another one."""
    boxes, scores = torch.tensor([[0.0, 0, 4, 4], [9, 9, 20, 20]]), torch.tensor([0.5, 0.4])
    ours, other = [boxes, scores, torch.tensor([3, 4])], [boxes.flip(0), scores.flip(0), torch.tensor([4, 3])]
    assert TOOLS['differences'](ours, other) == (0, 0)
    assert TOOLS['differences'](ours, [boxes + 0.25, scores - 0.125, ours[2]]) == (0.25, 0.125)
    assert TOOLS['differences'](ours, [boxes, scores, torch.tensor([3, 3])])[0] > 1e5
    assert TOOLS['differences'](ours, [part[:1] for part in ours])[0] == float('inf')
    assert TOOLS['differences']([part[:0] for part in ours], [part[:0] for part in ours]) == (0, 0)


def test_other_detectors():
    detector = mmhssakd.get_model(SCENES)
    detector.roi_head.test_cfg.nms.type = 'soft_nms'
    with pytest.raises(ValueError, match='FasterRCNN with StandardRoIHead cannot be exported'):
        DetectorGraph(detector)


@pytest.mark.parametrize(
    'arguments, message',
    [
        (['hssakd_r8', 'none.pth', 'a.onnx'], 'pretrained: no such checkpoint: none.pth'),
        (['hssakd_r8', 'none.pth', 'a.pt'], 'must end in .onnx'),
        (['hssakd_r8', 'none.pth', '/no/a.onnx'], 'no such folder to write to: /no'),
        ([SCENES, 'none.pth', 'a.onnx', '--images', 'no'], 'no such folder of images: no'),
    ],
)
def test_refusals(arguments, message):
    with pytest.raises(SystemExit, match=message):
        call(TOOL, find_config(arguments[0]), *arguments[1:])


def test_help():
    """As a process: the tool finds mmcv's operators by itself."""
    assert '--images' in run(TOOL, '--help').stdout
