"""Boxes in the txt files of YOLO (Ultralytics, Roboflow), as the content of a COCO json."""

import logging
import os.path as osp
from glob import glob
from typing import List, Sequence, Tuple

import numpy as np
import yaml
from mmengine.fileio import list_from_file
from mmengine.logging import print_log
from PIL import Image

SUFFIXES = ('.jpg', '.jpeg', '.png', '.bmp', '.webp', '.tif', '.tiff')
ORIENTATION = 274  # EXIF's tag: from 5 on, the image lies on its side, and is turned when it is loaded


def yolo_settings(root: str) -> dict:
    """What ``data.yaml`` says, with the ``names`` of the classes, else those of ``classes.txt``, in a list."""
    file, settings = osp.join(root, 'data.yaml'), {}
    try:
        if osp.isfile(file):
            with open(file, encoding='utf-8') as stream:
                settings = dict(yaml.safe_load(stream))
        names = settings.get('names') or []
        names = [names[i] for i in range(len(names))]  # a list, or a dict by number
        if names and settings.get('nc', len(names)) != len(names):
            raise ValueError(f'nc is {settings["nc"]}, but there are {len(names)} names')
    except (KeyError, TypeError, ValueError, yaml.YAMLError) as error:
        raise ValueError(f'{file} is damaged, or does not name the classes 0, 1, ... nc - 1: {error}') from None
    lists = [path for path in (osp.join(root, part, 'classes.txt') for part in ('', 'labels')) if osp.isfile(path)]
    return dict(settings, names=[str(name) for name in names or (list_from_file(lists[0]) if lists else ()) if name])


def yolo_content(root: str, folders: Sequence[str], classes: Sequence[str]) -> dict:
    """Read folders of images, and their label files: below ``labels`` where the images are below ``images``."""
    images: List[dict] = []
    annotations: List[dict] = []
    lacking: List[str] = []
    files = [
        osp.join(root, f, name)
        for f in folders
        for name in sorted(glob('**', root_dir=osp.join(root, f), recursive=True))
    ]
    for file in (file for file in files if file.lower().endswith(SUFFIXES)):
        with Image.open(file) as image:
            width, height = image.size[::-1] if image.getexif().get(ORIENTATION, 1) >= 5 else image.size
        images.append(dict(id=len(images), file_name=file, width=width, height=height))
        label = osp.splitext('/labels/'.join(file.rsplit('/images/', 1)))[0] + '.txt'
        if not osp.isfile(label):
            lacking.append(label)
            continue
        for kind, (x1, y1, x2, y2) in read_labels(label, len(classes)):
            box = [x1 * width, y1 * height, (x2 - x1) * width, (y2 - y1) * height]
            annotations.append(dict(id=len(annotations) + 1, image_id=images[-1]['id'], category_id=kind, bbox=box))
    what = f'{len(lacking)} of {len(images)} images of {root}/{", ".join(folders)} have no label file'
    if len(lacking) == len(images):
        raise FileNotFoundError(f'{what}. Looked for {lacking[:1]}.')
    if lacking:
        print_log(f'{what} ({lacking[0]}, ...): they count as images without objects.', 'current', logging.WARNING)
    return dict(images=images, annotations=annotations, categories=[dict(id=i, name=n) for i, n in enumerate(classes)])


def read_labels(file: str, classes: int) -> List[Tuple[int, List[float]]]:
    """Class and box (x1, y1, x2, y2, shares of the image) of each line of a label file; of a polygon, its box."""
    objects = []
    for number, line in enumerate(list_from_file(file), 1):
        columns, where = line.split(), f'{file}, line {number}:'
        if len(columns) not in (0, 5) and (len(columns) < 7 or len(columns) % 2 == 0):
            raise ValueError(
                f'{where} {len(columns)} columns. A box has 5 (class x y width height), a polygon 7, 9, ...'
            )
        try:
            kind, *numbers = map(float, columns or [0])
        except ValueError as error:
            raise ValueError(f'{where} {error}') from None
        if kind not in range(classes):
            raise ValueError(f'{where} class {columns[0]} is out of range: there are {classes}, from 0 on.')
        if not all(0 <= value <= 1 for value in numbers):
            raise ValueError(f'{where} coordinates must be shares of the image, 0 to 1: {line}')
        if columns:
            points = np.array(numbers).reshape(-1, 2)
            corners = points[0] + points[1] * [[-0.5], [0.5]] if len(points) == 2 else points
            objects.append((int(kind), np.clip([*corners.min(0), *corners.max(0)], 0, 1).tolist()))
    return objects
