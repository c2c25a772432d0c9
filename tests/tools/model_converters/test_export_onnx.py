"""Graphs that compute what torch computes, for a student and for a detector."""

import json

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from processes import call

import mmhssakd
from mmhssakd.apis import find_config

TOOL = 'model_converters/export_onnx.py'

DETECTOR = 'faster-rcnn_r8_fpn_fashion-scenes'


def save(model, file) -> str:
    torch.save(dict(state_dict=model.state_dict()), file)
    return str(file)


def compute(file, inputs: torch.Tensor) -> list:
    session = onnxruntime.InferenceSession(str(file), providers=['CPUExecutionProvider'])
    return session.run(None, {session.get_inputs()[0].name: inputs.numpy()})


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


def test_detector(tmp_path):
    detector = mmhssakd.get_model(DETECTOR)
    out = tmp_path / 'detector.onnx'
    call(TOOL, find_config(DETECTOR), save(detector, tmp_path / 'a.pth'), out, '--size', 64, 64)
    images = torch.randn(3, 3, 64, 64)
    features = detector.extract_feat(images)
    scores, boxes = detector.rpn_head(features)
    found = compute(out, images)
    assert len(found) == 9
    for ours, theirs in zip(found, (*scores, *boxes, *features)):
        np.testing.assert_allclose(ours, theirs.detach(), rtol=1e-3, atol=1e-4)
    rois = torch.randn(4, 32, 7, 7)
    for ours, theirs in zip(compute(tmp_path / 'detector_box_head.onnx', rois), detector.roi_head.bbox_head(rois)):
        np.testing.assert_allclose(ours, theirs.detach(), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    'arguments, message',
    [
        (['hssakd_r8', 'none.pth', 'a.onnx'], 'pretrained: no such checkpoint: none.pth'),
        (['hssakd_r8', 'none.pth', 'a.pt'], 'must end in .onnx'),
        (['hssakd_r8', 'none.pth', '/no/a.onnx'], 'no such folder to write to: /no'),
    ],
)
def test_refusals(arguments, message):
    with pytest.raises(SystemExit, match=message):
        call(TOOL, find_config(arguments[0]), *arguments[1:])
