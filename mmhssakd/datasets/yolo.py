"""Boxes in the txt files of YOLO (Ultralytics, Roboflow), as the content of a COCO json."""

import logging
import os.path as osp
from pathlib import Path
from typing import List, Sequence, Tuple

import numpy as np
import yaml
from mmengine.logging import print_log
from mmengine.utils import scandir
from PIL import Image

SUFFIXES = ('.jpg', '.jpeg', '.png', '.bmp', '.webp', '.tif', '.tiff')
ORIENTATION = 274  # EXIF's tag: from 5 on, the image lies on its side, and is turned when it is loaded


def yolo_settings(root: str) -> dict:
    """What ``data.yaml`` says, with the ``names`` of the classes, else those of ``classes.txt``, in a list."""
    file = Path(root, 'data.yaml')
    try:
        settings = dict(yaml.safe_load(file.read_text('utf-8')) if file.is_file() else {})
        names = settings.get('names') or []
        if isinstance(names, str) or (names and settings.get('nc', len(names)) != len(names)):
            raise ValueError(f'names is {names!r}, nc is {settings.get("nc")}')
        names = [str(names[i]) for i in range(len(names))]  # a list, or a dict by number
    except (KeyError, TypeError, ValueError, yaml.YAMLError) as error:
        raise ValueError(f'{file} is damaged, or does not name the classes 0, 1, ... nc - 1: {error}') from None
    files = [file for part in ('', 'labels') if (file := Path(root, part, 'classes.txt')).is_file()]
    lines = [line for file in files[:1] for line in file.read_text('utf-8', 'replace').splitlines()]
    return dict(settings, names=names or list(filter(None, lines)))


def yolo_content(root: str, folders: Sequence[str], classes: Sequence[str]) -> dict:
    """Read folders of images, and their label files: below ``labels`` where the images are below ``images``."""
    images: List[dict] = []
    boxes: List[dict] = []
    lacking: List[str] = []
    paths = [osp.join(root, folder) for folder in folders]
    for file in [osp.join(path, name) for path in paths for name in sorted(scandir(path, SUFFIXES, True, False))]:
        try:
            with Image.open(file) as image:
                width, height = image.size[::-1] if image.getexif().get(ORIENTATION, 1) >= 5 else image.size
        except (OSError, Image.DecompressionBombError) as error:
            raise ValueError(f'cannot read the image {file}: {error}') from None
        label = osp.splitext('/labels/'.join(file.rsplit('/images/', 1)))[0] + '.txt'
        lacking += [] if osp.isfile(label) else [label]
        for kind, (x1, y1, x2, y2) in read_labels(label, len(classes)) if osp.isfile(label) else ():
            box = [x1 * width, y1 * height, (x2 - x1) * width, (y2 - y1) * height]
            boxes.append(dict(image_id=len(images), category_id=kind, bbox=box, area=box[2] * box[3]))
        images.append(dict(img_id=len(images), file_name=file, width=width, height=height))
    what = f'{len(lacking)} of {len(images)} images of {", ".join(paths)} have no label file'
    if len(lacking) == len(images):
        raise FileNotFoundError(f'{what}. Looked for {lacking[:1]}.')
    if lacking:
        print_log(f'{what} ({lacking[0]}, ...): they count as images without objects.', 'current', logging.WARNING)
    return dict(images=images, annotations=boxes, categories=[dict(id=i, name=n) for i, n in enumerate(classes)])


def read_labels(file: str, classes: int) -> List[Tuple[int, List[float]]]:
    """Class and box (x1, y1, x2, y2, shares of the image) of each line of a label file; of a polygon, its box."""
    objects = []
    for number, line in enumerate(Path(file).read_text('utf-8', 'replace').splitlines(), 1):
        try:
            kind, *values = map(float, line.split() or '0')
            if len(values) not in (0, 4) and (len(values) < 6 or len(values) % 2):
                raise ValueError('A box has 5 columns (class x y width height), a polygon 7, 9, ...')
            if kind not in range(classes):
                raise ValueError(f'There are {classes} classes, from 0 on.')
            if not all(0 <= value <= 1 for value in values):
                raise ValueError('Coordinates must be shares of the image, 0 to 1.')
        except ValueError as error:
            raise ValueError(f'{file}, line {number}: {line!r}. {error}') from None
        if values:
            points = np.array(values).reshape(-1, 2)
            corners = points[0] + points[1] * [[-0.5], [0.5]] if len(points) == 2 else points
            objects.append((int(kind), np.clip([*corners.min(0), *corners.max(0)], 0, 1).tolist()))
    return objects
