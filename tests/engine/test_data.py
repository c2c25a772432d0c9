"""What a run reads, and which of it is missing."""

import socket
from pathlib import Path

import pytest
from mmengine.config import Config

from mmhssakd.engine.launch.config import read_config
from mmhssakd.engine.launch.data import check_data, check_normalized_once

CONFIGS = Path(__file__).parents[2] / 'configs'
LOADERS = ('train_dataloader', 'val_dataloader')
VOC = ['Annotations', 'ImageSets/Main/trainval.txt', 'JPEGImages']
TREES = {
    'hssakd_r18_imagenet.py': ['train', 'val'],
    'detection/faster-rcnn_r18_fpn_coco.py': [
        'annotations/instances_train2017.json',
        'annotations/instances_val2017.json',
        'train2017',
        'val2017',
    ],
    'detection/faster-rcnn_r18_fpn_voc0712.py': [
        *(f'VOC{year}/{path}' for year in (2007, 2012) for path in VOC),
        'VOC2007/ImageSets/Main/test.txt',
    ],
}


def fill(root: Path, tree: list) -> None:
    for path in tree:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text('') if '.' in path else (root / path).mkdir(exist_ok=True)


@pytest.mark.parametrize('file', TREES)
def test_tree(file, tmp_path):
    """The tree is what is needed and enough; each part that is taken away is named."""
    cfg = read_config(str(CONFIGS / file), dict(data_root=str(tmp_path)))
    fill(tmp_path, TREES[file])
    check_data(cfg, LOADERS)
    for path in TREES[file]:
        (tmp_path / path).rename(tmp_path / 'aside')
        with pytest.raises(FileNotFoundError, match=r'--cfg-options data_root=FOLDER$') as error:
            check_data(cfg, LOADERS)
        assert f'not complete on {socket.gethostname()}.' in str(error.value)
        assert [line for line in str(error.value).splitlines() if 'missing' in line] == [
            f'  missing  {tmp_path / path}'
        ]
        (tmp_path / 'aside').rename(tmp_path / path)


def test_roots_that_differ(tmp_path):
    cfg = Config(
        dict(
            train_dataloader=dict(dataset=dict(data_root=f'{tmp_path}/a')),
            val_dataloader=dict(dataset=dict(data_root=str(tmp_path))),
        )
    )
    with pytest.raises(FileNotFoundError, match='--cfg-options train_dataloader.dataset.data_root=FOLDER$'):
        check_data(cfg, LOADERS)


@pytest.mark.parametrize('file', ['hssakd_r18_imagenet.py', 'detection/faster-rcnn_r18_fpn_coco.py'])
def test_images_normalized_twice(file):
    cfg = read_config(str(CONFIGS / file))
    check_normalized_once(cfg)
    cfg.train_dataloader.dataset.pipeline.insert(-1, dict(type='mmcv.Normalize', mean=[0] * 3, std=[1] * 3))
    place = rf'train_dataloader.dataset.pipeline.{len(cfg.train_dataloader.dataset.pipeline) - 2} \(Normalize\)'
    with pytest.raises(ValueError, match=place + ' and data_preprocessor.mean both normalize'):
        check_normalized_once(cfg)
    (cfg.model if 'detection' in file else cfg).data_preprocessor.update(mean=None, std=None)
    check_normalized_once(cfg)
