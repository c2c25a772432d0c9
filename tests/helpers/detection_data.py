"""Tiny detection data sets in VOC's, COCO's and YOLO's layouts, and checkpoints, for tests."""

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import cv2
import numpy as np
import torch
from mmdet.datasets import VOCDataset
from mmengine.registry import DefaultScope

from mmhssakd.registry import MODELS

CLASSES = ('square', 'disc')
BOXES = ((4, 6, 40, 44), (50, 20, 90, 70))  # x1, y1, x2, y2 in VOC's pixels, counted from 1


def image(shape=(96, 128, 3)) -> np.ndarray:
    return np.random.RandomState(0).randint(0, 255, shape).astype(np.uint8)


def annotation(names=CLASSES, boxes=BOXES, size=(96, 128)) -> str:
    things = ''.join(
        f'<object><name>{name}</name><difficult>0</difficult><bndbox><xmin>{box[0]}</xmin><ymin>{box[1]}</ymin>'
        f'<xmax>{box[2]}</xmax><ymax>{box[3]}</ymax></bndbox></object>'
        for name, box in zip(names, boxes)
    )
    return f'<annotation><size><width>{size[1]}</width><height>{size[0]}</height></size>{things}</annotation>'


def make_voc(root: Path, names=CLASSES, count: int = 2, splits=('trainval', 'test')) -> Path:
    for folder in ('JPEGImages', 'Annotations', 'ImageSets/Main'):
        (root / folder).mkdir(parents=True, exist_ok=True)
    stems = [f'{i:06d}' for i in range(count)]
    for stem in stems:
        cv2.imwrite(str(root / 'JPEGImages' / f'{stem}.jpg'), image())
        (root / 'Annotations' / f'{stem}.xml').write_text(annotation(names))
        ET.parse(root / 'Annotations' / f'{stem}.xml')
    for split in splits:
        (root / 'ImageSets/Main' / f'{split}.txt').write_text('\n'.join(stems) + '\n')
    return root


def make_voc0712(devkit: Path) -> Path:
    for year in ('VOC2007', 'VOC2012'):
        make_voc(devkit / year, VOCDataset.METAINFO['classes'][:2])
    return devkit


def make_coco(root: Path, categories, count: int = 2) -> Path:
    (root / 'annotations').mkdir(parents=True)
    images, annotations = [], []
    for i in range(count):
        images.append(dict(id=i, file_name=f'{i:012d}.jpg', height=96, width=128))
        for x1, y1, x2, y2 in BOXES:
            annotations.append(
                dict(
                    id=len(annotations) + 1,
                    image_id=i,
                    category_id=1 + len(annotations) % 2,
                    iscrowd=0,
                    bbox=[x1, y1, x2 - x1, y2 - y1],
                    area=(x2 - x1) * (y2 - y1),
                    segmentation=[[x1, y1, x2, y1, x2, y2, x1, y2]],
                )
            )
    content = json.dumps(
        dict(
            images=images,
            annotations=annotations,
            categories=[dict(id=i + 1, name=name) for i, name in enumerate(categories)],
        )
    )
    for split in ('train2017', 'val2017'):
        (root / split).mkdir()
        (root / 'annotations' / f'instances_{split}.json').write_text(content)
        for item in images:
            cv2.imwrite(str(root / split / item['file_name']), image())
    return root


def make_yolo(root: Path, splits=('train', 'val'), part: str = 'images/{}', count: int = 2) -> Path:
    """Images below ``part``, their labels below the same path with labels for images, and the names in data.yaml."""
    for split in splits:
        images = root / part.format(split)
        labels = root / part.format(split).replace('images', 'labels')
        images.mkdir(parents=True), labels.mkdir(parents=True)
        for i in range(count):
            cv2.imwrite(str(images / f'{i:06d}.jpg'), image())
            (labels / f'{i:06d}.txt').write_text(
                '\n'.join(
                    f'{kind} {(x1 + x2) / 256} {(y1 + y2) / 192} {(x2 - x1) / 128} {(y2 - y1) / 96}'
                    for kind, (x1, y1, x2, y2) in enumerate(BOXES)
                )
            )
    (root / 'data.yaml').write_text(f'names: {list(CLASSES)}\nnc: {len(CLASSES)}\n')
    return root


def make_roboflow_yolo(root: Path) -> Path:
    """As Roboflow exports it, with the names as Ultralytics writes them."""
    make_yolo(root, ('train', 'valid'), '{}/images')
    names = '\n'.join(f'  {i}: {name}' for i, name in enumerate(CLASSES))
    (root / 'data.yaml').write_text(f'train: ../train/images\nval: ../valid/images\nnames:\n{names}\n')
    return root


def make_roboflow_coco(root: Path) -> Path:
    make_coco(root, CLASSES)
    for split, name in (('train2017', 'train'), ('val2017', 'valid')):
        (root / split).rename(root / name)
        (root / f'annotations/instances_{split}.json').rename(root / name / '_annotations.coco.json')
    (root / 'annotations').rmdir()
    return root


FOLDERS = {
    'voc': make_voc,
    'coco': lambda root: make_coco(root, CLASSES),
    'coco of roboflow': make_roboflow_coco,
    'yolo': make_yolo,
    'yolo of roboflow': make_roboflow_yolo,
}


def save_classifier(file: Path, backbone: dict, channels: int, prefix: str = '') -> dict:
    """Write the checkpoint of an untrained classifier; returns the tensors of its backbone."""
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        model = MODELS.build(
            dict(
                type='ImageClassifier',
                backbone=backbone,
                neck=dict(type='GlobalAveragePooling'),
                head=dict(type='LinearClsHead', num_classes=10, in_channels=channels),
            )
        )
    model.init_weights()
    for name, buffer in model.backbone.named_buffers():  # statistics that no fresh network has
        if name.endswith('running_mean'):
            buffer.normal_(std=0.1)
    torch.save(dict(state_dict={prefix + name: value for name, value in model.state_dict().items()}), file)
    return model.backbone.state_dict()
