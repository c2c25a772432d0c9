"""mmdet's own detectors start from a student's checkpoint by two lines of config, with nothing of ours imported."""

import subprocess
import sys
from pathlib import Path

import torch
from mmengine.config import Config

from mmhssakd.registry import MODELS

ROOT = Path(__file__).parents[1]
SCRIPT = """
import importlib.util, sys
# mmcv-lite has no operators; where mmcv is compiled, this file does nothing
spec = importlib.util.spec_from_file_location('operators', sys.argv[2])
operators = importlib.util.module_from_spec(spec)
spec.loader.exec_module(operators)
operators.install()

import torch
from mmengine.hub import get_config
from mmdet.registry import MODELS
from mmdet.testing import demo_mm_inputs
from mmdet.utils import register_all_modules

register_all_modules()
weights = torch.load(sys.argv[1], weights_only=True)['state_dict']
for name in ('faster_rcnn/faster-rcnn', 'retinanet/retinanet', 'mask_rcnn/mask-rcnn'):
    cfg = get_config(f'mmdet::{name}_r50_fpn_1x_coco.py').model
    cfg.backbone.depth, cfg.neck.in_channels = 18, [64, 128, 256, 512]
    cfg.backbone.init_cfg = dict(type='Pretrained', checkpoint=sys.argv[1], prefix='backbone.')
    model = MODELS.build(cfg)
    model.init_weights()
    for key, value in model.backbone.state_dict().items():
        assert torch.equal(value, weights[f'backbone.{key}']), (name, key)
    batch = demo_mm_inputs(2, [[3, 64, 64]] * 2, with_mask='mask' in name)
    losses = model(**model.data_preprocessor(batch, True), mode='loss')
    assert torch.isfinite(model.parse_losses(losses)[0])
    print(type(model).__name__)
assert not any(module.split('.')[0] == 'mmhssakd' for module in sys.modules)
"""


def test_stock_detectors(tmp_path):
    cfg = Config.fromfile(ROOT / 'configs/hssakd_r18_imagenet.py')
    student = MODELS.build(dict(cfg.model, teacher=None, data_preprocessor=cfg.data_preprocessor))
    torch.save(dict(state_dict=student.state_dict(), meta=dict(epoch=100)), tmp_path / 'student.pth')
    arguments = [tmp_path / 'student.pth', ROOT / 'mmhssakd/compat/operators.py']
    done = subprocess.run(
        [sys.executable, '-W', 'ignore', '-c', SCRIPT, *map(str, arguments)],
        cwd=tmp_path,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    assert done.returncode == 0, done.stdout[-3000:]
    assert [word for word in ('FasterRCNN', 'RetinaNet', 'MaskRCNN') if word in done.stdout.split()] == [
        'FasterRCNN',
        'RetinaNet',
        'MaskRCNN',
    ]
