"""Any folder of images with boxes: in VOC's layout, in COCO's json, or in the txt files of YOLO."""

import logging
import os.path as osp
import xml.etree.ElementTree as ET
from collections import Counter, defaultdict
from contextlib import suppress
from glob import glob
from typing import Any, List, Optional, Sequence, Tuple

import numpy as np
from mmdet.datasets import CocoDataset
from mmengine.fileio import load
from mmengine.logging import print_log

from mmhssakd.registry import DATASETS
from .voc_folder import VOCFolder
from .yolo import yolo_content, yolo_settings

SIDES = ('width', 'height')
JSONS = ('annotations/instances_{}.json', 'annotations/instances_{}20[0-9][0-9].json', 'annotations/{}.json')
FORMATS = {  # files that tell a format, and what holds a split
    'VOC': (('Annotations/*.xml',), ('ImageSets/Main/{}.txt',)),
    'COCO': (('annotations/*.json', '*/_annotations.coco.json'), (*JSONS, '{}/_annotations.coco.json')),
    'YOLO': (('data.yaml', 'labels/**/*.txt', '*/labels/**/*.txt'), ('images/{}', '{}/images')),
}


def find(root: str, patterns: Sequence[str]) -> List[str]:
    """Paths below ``root``, relative to it, that fit the first of the patterns that any does."""
    return next(filter(None, (sorted(glob(pattern, root_dir=root, recursive=True)) for pattern in patterns)), [])


def find_format(root: str) -> str:
    """Which format the boxes of a folder have: 'VOC', 'COCO' or 'YOLO'. More than one, or none, is an error."""
    found = {form: files[0] for form, (signs, _) in FORMATS.items() if (files := find(root, signs))}
    if len(found) > 1:
        raise ValueError(f'{root} has boxes in more than one format: {found}. Keep one of them there.')
    if not found:
        signs, there = {form: signs for form, (signs, _) in FORMATS.items()}, find(root, ['*'])[:20]
        raise FileNotFoundError(f'{root} has no boxes in a known format. Looked for: {signs}. The folder has: {there}')
    return next(iter(found))


def find_split(root: str, split: str) -> List[str]:
    """Where a split is, relative to ``root``: VOC's list, COCO's json, or YOLO's folders of images."""
    form, names = find_format(root), ('val', 'valid', 'validation') if split == 'val' else (split,)
    if form == 'VOC' and not find(root, ['ImageSets/Main/train.txt']):  # VOC's other pair of lists
        names = ({'train': 'trainval', 'val': 'test'}.get(split, split),)
    patterns = [place.format(name) for name in names for place in FORMATS[form][1]]
    settings = yolo_settings(root) if form == 'YOLO' else {}
    for given in (settings[name] for name in names if settings.get(name)):
        # Roboflow writes ../train/images, and means a folder beside data.yaml
        places = [str(place).removeprefix('../') for place in (given if isinstance(given, list) else [given])]
        if all(osp.isdir(osp.join(root, place)) for place in places):
            return places
        patterns.insert(0, f'{given} (of data.yaml)')
    if found := find(root, patterns):
        return found[:1]
    raise FileNotFoundError(
        f'{root} ({form}) has no split {split!r}. Looked for: {", ".join(patterns)}. Set split=... of the data set '
        '(val_dataloader.dataset.split=test), or train without an evaluation: --no-validate.'
    )


def folder_classes(root: str, split: str = 'train', ignore_classes: Sequence[str] = ()) -> Tuple[str, ...]:
    """Names of a folder's classes: YOLO's; COCO's of split 'train', else of ``split``; VOC's in alphabetical order."""
    form, names = find_format(root), []
    if form == 'YOLO':
        names = yolo_settings(root)['names']
    elif form == 'COCO':
        files = find(root, [place.format('train') for place in FORMATS[form][1]]) or find_split(root, split)
        names = [kind['name'] for kind in coco_content(root, files[0])['categories']]
    else:
        for file in find(root, ['Annotations/*.xml']):
            with suppress(ET.ParseError):  # an error if a list has it
                names += [name.text for name in ET.parse(osp.join(root, file)).iterfind('object/name') if name.text]
        names = sorted(set(names))
    names = [name for name in names if name not in ignore_classes]
    if not names or len(set(names)) < len(names):
        raise ValueError(
            f'{root} ({form}) names its classes {names}: they must be there, and differ. YOLO has them in data.yaml '
            '(names: [...]) or classes.txt. Or set --cfg-options class_names="[name,...]".'
        )
    return tuple(names)


def coco_content(root: str, place: str) -> dict:
    """Read a COCO json, without the category that Roboflow adds for the group of all others, and find its images."""
    file, split = osp.join(root, place), osp.splitext(osp.basename(place))[0].removeprefix('instances_')
    folders = [osp.join(root, part) for part in (osp.dirname(place), split, f'images/{split}', 'images', '')]
    try:
        content = load(file)
        images, kinds = content['images'], [dict(k, name=str(k['name'])) for k in content['categories']]
        twice = [key for part in (images, kinds) for key, n in Counter(item['id'] for item in part).items() if n > 1]
        boxes = [{'area': box['bbox'][2] * box['bbox'][3], **box} for box in content['annotations']]
        numbers = np.array([[*box['bbox'], box['area']] for box in boxes]).reshape(len(boxes), 5)
        if not np.isfinite(numbers).all():
            raise ValueError(f'bbox and area must be finite numbers: {numbers[~np.isfinite(numbers).all(1)][:3]}')
        used, groups = {box['category_id'] for box in boxes}, {kind.get('supercategory') for kind in kinds}
        lost = {box['image_id'] for box in boxes} - {image['id'] for image in images}
        kinds = [kind for kind in kinds if kind['id'] in used or kind['name'] not in groups]
        folder = next((f for f in folders if images and osp.isfile(osp.join(f, images[0]['file_name']))), folders[0])
        images = [
            dict(img_id=i['id'], file_name=osp.join(folder, i['file_name']), **{s: int(i[s]) for s in SIDES})
            for i in images
        ]
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise ValueError(f'{file} is no json of boxes in the format of COCO: {error!r}') from None
    if twice:
        raise ValueError(f'{file}: {len(twice)} ids of images or categories occur more than once: {twice[:5]}')
    if lost:
        raise ValueError(f'{file}: boxes name {len(lost)} image ids that it does not list: {sorted(lost, key=str)[:5]}')
    return dict(images=images, annotations=boxes, categories=kinds)


@DATASETS.register_module()
class DetectionFolder(VOCFolder):
    """Images with boxes below one folder, in VOC's layout, COCO's json, or YOLO's txt files, found by looking.

    Args:
        data_root (str): The folder.
        split (str): Which part: 'train', 'val', 'test'. For the first two, VOC's trainval and test, if it has no train.
        metainfo (dict, optional): ``classes``, as in :class:`VOCFolder`, whose other arguments it takes, too. Defaults
            to None, what :func:`folder_classes` finds.

    Raises:
        FileNotFoundError: No format, no such split, no label files, or an image is missing.
        ValueError: Annotations are mixed or damaged, or contradict the classes.
    """

    def __init__(self, data_root: str, split: str = 'train', metainfo: Optional[dict] = None, **kwargs: Any) -> None:
        self.split, self.places = split, find_split(data_root, split)
        classes = (metainfo or {}).get('classes') or folder_classes(data_root, split, kwargs.get('ignore_classes', ()))
        super().__init__(dict(metainfo or {}, classes=classes), data_root=data_root, ann_file=self.places[0], **kwargs)

    def load_data_list(self) -> List[dict]:
        """Read and check every annotation, and say in the log what was found."""
        root, form, classes = self.data_root, find_format(self.data_root), self.metainfo['classes']
        if form == 'VOC':
            found = super().load_data_list()
        elif form == 'COCO':
            self.xml_path = self.ann_file
            found = self.parse_content(coco_content(root, self.places[0]))
            for info in found:
                self.check_size(info)
        else:
            found = self.parse_content(yolo_content(root, self.places, yolo_settings(root)['names'] or classes))
        what = f'{len(found)} images, {sum(len(info["instances"]) for info in found)} objects, {len(classes)} classes'
        print_log(f'{root}, {self.split}: {form} ({", ".join(self.places)}), {what} ({", ".join(classes)})', 'current')
        return found

    def parse_content(self, content: dict) -> List[dict]:
        """Let mmdet's ``CocoDataset`` parse a json's content, with the labels that the classes have here."""
        classes, boxes = self.metainfo['classes'], defaultdict(list)
        names = {kind['id']: kind['name'] for kind in content['categories']}
        for box in content['annotations']:
            name = names.get(box['category_id'], f'category {box["category_id"]}')
            if name in classes:
                boxes[box['image_id']].append(box)
            elif name not in self.ignore_classes:
                self.unknown[name].append(self.ann_file)
        self.check_unknown()
        reader = CocoDataset(data_prefix=dict(img=''), lazy_init=True)
        reader.cat_ids = reader.cat2label = {i: classes.index(name) for i, name in names.items() if name in classes}
        found = []
        for image in content['images']:
            if not osp.isfile(image['file_name']):
                raise FileNotFoundError(f'missing image: {image["file_name"]}, listed in {self.ann_file}.')
            info = reader.parse_data_info(dict(raw_img_info=image, raw_ann_info=boxes[image['img_id']]))
            found.append(dict(info, instances=[box for box in info['instances'] if self.clip_box(box, info)]))
        if left := sum(map(len, boxes.values())) - sum(len(info['instances']) for info in found):
            what = 'smaller than a pixel, outside of the image, or marked as to be ignored'
            print_log(f'{self.ann_file}: {left} boxes are left out: {what}.', 'current', logging.WARNING)
        return found
