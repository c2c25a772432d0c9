"""A detector trained on a folder with boxes in each format, with no option that names its classes."""

import pytest
from detection_data import FOLDERS, make_yolo
from processes import ROOT, call

TINY = """
_base_ = '{root}/configs/detection/faster-rcnn_r18_fpn_folder.py'
train_pipeline = _base_.train_pipeline
train_pipeline[2].scale = (64, 64)
test_pipeline = _base_.test_pipeline
test_pipeline[1].scale = (64, 64)
loader = dict(num_workers=0, persistent_workers=False)
train_dataloader = dict(**loader, dataset=dict(times=1, dataset=dict(pipeline=train_pipeline)))
val_dataloader = dict(**loader, dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
model = dict(
    backbone=dict(init_cfg=None, frozen_stages=-1, norm_eval=False, base_channels=8),
    neck=dict(in_channels=[8, 16, 32, 64], out_channels=16),
    rpn_head=dict(in_channels=16, feat_channels=16),
    roi_head=dict(bbox_roi_extractor=dict(out_channels=16), bbox_head=dict(in_channels=16, fc_out_channels=16)),
)
train_cfg = dict(max_epochs=1, val_interval=1)
"""


def train(tmp_path, root, *more):
    (tmp_path / 'tiny.py').write_text(TINY.format(root=ROOT))
    work_dir = tmp_path / 'work'
    call('train.py', tmp_path / 'tiny.py', '--work-dir', work_dir, *more, '--cfg-options', f'data_root={root}')
    return next(work_dir.glob('2*/*.log')).read_text(), (work_dir / 'tiny.py').read_text()


@pytest.mark.parametrize('layout', FOLDERS)
def test_each_format(tmp_path, layout):
    log, config = train(tmp_path, FOLDERS[layout](tmp_path / 'data'))
    form = layout.split()[0].upper()
    for split in ('train', 'val'):
        assert f'data, {split}: {form} (' in log
    assert log.count('2 images, 4 objects, 2 classes (') == 2 and 'coco/bbox_mAP_50' in log
    assert 'num_classes=2' in config
    checkpoint, where = tmp_path / 'work/epoch_1.pth', ['--work-dir', tmp_path / 'test']
    call('test.py', tmp_path / 'tiny.py', checkpoint, *where, '--cfg-options', f'data_root={tmp_path}/data')


def test_without_a_validation_split(tmp_path):
    root = make_yolo(tmp_path / 'data', ('train',))
    with pytest.raises(FileNotFoundError, match="no split 'val'.*--no-validate"):
        train(tmp_path, root)
    train(tmp_path, root, '--no-validate')
