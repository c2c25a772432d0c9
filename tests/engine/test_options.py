from pathlib import Path

import pytest
from detection_data import CLASSES, make_yolo
from mmengine.config import Config

from mmhssakd.engine.launch.config import merge_options
from mmhssakd.engine.launch.data import find_classes
from mmhssakd.engine.launch.options import walk

CONFIGS = Path(__file__).parents[2] / 'configs'


def load(name: str, **options) -> Config:
    cfg = Config.fromfile(CONFIGS / name)
    merge_options(cfg, options)
    return cfg


def test_data_root_and_class_names_reach_everything():
    cfg = load(
        'detection/faster-rcnn_r18_fpn_custom-voc.py', data_root='/cells', class_names=['RBC', 'WBC', 'Platelets']
    )
    for dataset in (cfg.train_dataloader.dataset.dataset, cfg.val_dataloader.dataset, cfg.test_dataloader.dataset):
        assert dataset.data_root == '/cells' and dataset.ann_file.startswith('ImageSets')
        assert dataset.metainfo.classes == ('RBC', 'WBC', 'Platelets')
    assert cfg.model.roi_head.bbox_head.num_classes == 3


def test_a_single_class_name():
    cfg = load('detection/faster-rcnn_r18_fpn_custom-voc.py', class_names='cell')
    assert cfg.val_dataloader.dataset.metainfo.classes == ('cell',) and cfg.model.roi_head.bbox_head.num_classes == 1


@pytest.mark.parametrize('options', [{}, dict(class_names=['disc', 'none', 'square'])])
def test_classes_of_a_folder_reach_everything_unless_they_are_given(tmp_path, options):
    cfg = load('detection/rtmdet_cspnext-tiny_folder.py', data_root=str(make_yolo(tmp_path)), **options)
    find_classes(cfg, ['train_dataloader', 'val_dataloader'])
    wanted = tuple(options.get('class_names', CLASSES))
    for dataset in (cfg.train_dataloader.dataset.dataset, cfg.val_dataloader.dataset, cfg.test_dataloader.dataset):
        assert dataset.metainfo.classes == wanted
    assert cfg.model.bbox_head.num_classes == len(wanted)


def test_data_root_of_voc_and_of_cocos_evaluator():
    cfg = load('detection/faster-rcnn_r18_fpn_voc0712.py', data_root='/voc')
    assert [d.data_root for d in cfg.train_dataloader.dataset.dataset.datasets] == ['/voc/'] * 2
    cfg = load('detection/mask-rcnn_r18_fpn_coco.py', data_root='/coco/', class_names=['a', 'b'])
    assert cfg.val_evaluator.ann_file == '/coco/annotations/instances_val2017.json'
    assert cfg.model.roi_head.mask_head.num_classes == cfg.model.roi_head.bbox_head.num_classes == 2


@pytest.mark.parametrize('name', ['hssakd_r18_imagenet', 'cifar100/ce_resnet20', 'fashion_mnist/hssakd_r8'])
def test_data_root_of_classifiers(name):
    """Theirs stands in each data set, and in no variable."""
    cfg = load(f'{name}.py', data_root='/pictures')
    parts = [cfg.train_dataloader, cfg.val_dataloader, cfg.test_dataloader]
    roots = [node['data_root'].rstrip('/') for _, node in walk(parts) if 'data_root' in node]
    assert len(roots) == 3 and set(roots) == {'/pictures'}


def test_no_shared_data_root():
    parts = {f'{name}_dataloader': dict(dataset=dict(data_root=name)) for name in ('train', 'val')}
    with pytest.raises(KeyError, match='--cfg-options data_root: nothing reads this key.*train_dataloader.dataset'):
        merge_options(Config(parts), dict(data_root='/pictures'))


def test_without_options_nothing_changes():
    cfg = load('detection/faster-rcnn_r18_fpn_voc0712.py')
    assert cfg._cfg_dict == Config.fromfile(CONFIGS / 'detection/faster-rcnn_r18_fpn_voc0712.py')._cfg_dict


def test_repeated_names():
    with pytest.raises(ValueError, match="repeats a name: .*'a', 'b', 'a'"):
        load('detection/faster-rcnn_r18_fpn_custom-voc.py', class_names=['a', 'b', 'a'])
