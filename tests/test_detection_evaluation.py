"""A perfect detector gets 1, an empty one 0, by the evaluators of the configs."""

import multiprocessing
from pathlib import Path

import pytest
import torch
from detection_data import CLASSES, FOLDERS, make_coco, make_voc
from mmdet.registry import METRICS
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmengine.structures import InstanceData

from mmhssakd.registry import DATASETS

CONFIGS = Path(__file__).parents[1] / 'configs/detection'


def samples(dataset, perfect: bool) -> list:
    """What a detector's evaluation step hands to the metrics."""
    found = []
    for i in range(len(dataset)):
        sample = dataset[i]['data_samples']
        truth = sample.gt_instances
        count = len(truth) if perfect else 0
        sample.pred_instances = InstanceData(
            bboxes=truth.bboxes.tensor[:count], labels=truth.labels[:count], scores=torch.ones(count)
        )
        sample.gt_instances.bboxes = truth.bboxes.tensor
        sample.ignored_instances.bboxes = sample.ignored_instances.bboxes.tensor
        found.append(sample.to_dict())
    return found


@pytest.mark.parametrize('perfect', [True, False])
@pytest.mark.parametrize(
    'name, names',
    [
        (
            'faster-rcnn_r18_fpn_custom-voc.py',
            ['voc_11points/mAP', 'voc_11points/AP50', 'voc_area/mAP', 'voc_area/AP50'],
        ),
        ('faster-rcnn_r8_fpn_fashion-scenes.py', ['pascal_voc/mAP', 'pascal_voc/AP50', 'pascal_voc/AP95']),
    ],
)
def test_voc(tmp_path, name, names, perfect):
    cfg = Config.fromfile(CONFIGS / name)
    with DefaultScope.overwrite_default_scope('mmdet'):
        dataset = DATASETS.build(
            dict(cfg.val_dataloader.dataset, data_root=str(make_voc(tmp_path)), metainfo=dict(classes=CLASSES))
        )
        evaluators = cfg.val_evaluator if isinstance(cfg.val_evaluator, list) else [cfg.val_evaluator]
        metrics = {}
        for evaluator in evaluators:
            metric = METRICS.build(evaluator)
            metric.dataset_meta = dataset.metainfo
            metric.process({}, samples(dataset, perfect))
            metrics |= metric.evaluate(len(dataset))
    assert {key: metrics[key] for key in names} == {key: pytest.approx(float(perfect)) for key in names}


def test_coco_perfect(tmp_path):
    cfg = Config.fromfile(CONFIGS / 'faster-rcnn_r18_fpn_coco.py')
    root = make_coco(tmp_path / 'coco', CLASSES)
    settings = dict(cfg.val_dataloader.dataset, data_root=str(root), metainfo=dict(classes=CLASSES))
    with DefaultScope.overwrite_default_scope('mmdet'):
        from mmdet.registry import DATASETS as MMDET_DATASETS

        dataset = MMDET_DATASETS.build(settings)
        metric = METRICS.build(dict(cfg.val_evaluator, ann_file=str(root / 'annotations/instances_val2017.json')))
        metric.dataset_meta = dataset.metainfo
        metric.process({}, samples(dataset, True))
        assert metric.evaluate(len(dataset))['coco/bbox_mAP'] == pytest.approx(1.0)


def test_no_process_is_left_behind(tmp_path):
    """mmdet's own metric forks for every threshold."""
    before = multiprocessing.active_children()  # another test's data workers may be ending
    test_voc(tmp_path, 'faster-rcnn_r8_fpn_fashion-scenes.py', ['pascal_voc/mAP'], True)
    assert not set(multiprocessing.active_children()) - set(before)


def test_the_log_shows_one_table(tmp_path, monkeypatch):
    from mmdet.evaluation.functional import mean_ap

    tables = []
    monkeypatch.setattr(mean_ap, 'print_map_summary', lambda *args, **kwargs: tables.append(args))
    test_voc(tmp_path, 'faster-rcnn_r8_fpn_fashion-scenes.py', ['pascal_voc/mAP'], True)
    assert len(tables) == 1


@pytest.mark.parametrize('perfect', [True, False])
@pytest.mark.parametrize('layout', FOLDERS)
def test_any_folder(tmp_path, layout, perfect):
    """COCO's metric makes its ground truth of what the data set has."""
    cfg = Config.fromfile(CONFIGS / 'faster-rcnn_r18_fpn_folder.py')
    root = FOLDERS[layout](tmp_path / 'data')
    with DefaultScope.overwrite_default_scope('mmdet'):
        dataset = DATASETS.build(dict(cfg.val_dataloader.dataset, data_root=str(root)))
        metric = METRICS.build(cfg.val_evaluator)
        metric.dataset_meta = dataset.metainfo
        metric.process({}, samples(dataset, perfect))
        found = metric.evaluate(len(dataset))
    assert found.get('coco/bbox_mAP', 0.0) == pytest.approx(float(perfect))
