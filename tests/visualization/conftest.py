"""Folders of runs, as training leaves them: a dumped config, logged lines, a checkpoint of untrained weights."""

import json
import os
from pathlib import Path

import pytest
import torch
from detection_data import make_voc
from mmengine.config import Config
from mmengine.registry import DefaultScope
from written_run import ROOT, find_browser

from mmhssakd.registry import MODELS

# A user's machine need not have a browser; CI must.
collect_ignore = [] if find_browser() or os.environ.get('CI') else ['test_browser.py']


def pytest_terminal_summary(terminalreporter):
    """Say that a test is left out."""
    if collect_ignore:
        terminalreporter.write_line(
            'No chromium and no google-chrome: test_browser.py was left out (Debian: apt-get install chromium).',
            yellow=True,
        )


@pytest.fixture(scope='session')
def detector_run(tmp_path_factory) -> Path:
    """An untrained detector and two images."""
    root = tmp_path_factory.mktemp('detector')
    cfg = Config.fromfile(ROOT / 'configs/detection/faster-rcnn_r8_fpn_fashion-scenes.py')
    classes = list(cfg.class_names)
    cfg.test_dataloader.dataset.data_root = str(make_voc(root / 'data', classes[:2]))
    with DefaultScope.overwrite_default_scope('mmdet'):
        model = MODELS.build(cfg.model)
    work_dir = root / 'detector'
    (work_dir / '20260101_000000/vis_data').mkdir(parents=True)
    cfg.dump(work_dir / 'detector.py')
    (work_dir / '20260101_000000/vis_data/scalars.json').write_text(
        '\n'.join(
            map(
                json.dumps,
                [
                    dict(lr=0.1, loss=2.0, loss_rpn_cls=1.0, epoch=1, iter=1, step=1),
                    dict(lr=0.1, loss=1.0, loss_rpn_cls=0.5, epoch=1, iter=2, step=2),
                    {'pascal_voc/mAP': 0.1, 'step': 1},
                ],
            )
        )
    )
    meta = dict(dataset_meta=dict(classes=classes))
    torch.save(dict(state_dict=model.state_dict(), meta=meta), work_dir / 'epoch_1.pth')
    (work_dir / 'last_checkpoint').write_text(str(work_dir / 'epoch_1.pth'))
    return work_dir
