"""Any folder of images with boxes: in VOC's layout, in COCO's json, or in the txt files of YOLO."""

import logging
import os.path as osp
import xml.etree.ElementTree as ET
from collections import Counter
from glob import glob
from typing import Any, List, Optional, Sequence, Tuple

from mmdet.datasets import CocoDataset
from mmdet.datasets.api_wrappers import COCO
from mmengine.fileio import load
from mmengine.logging import print_log

from mmhssakd.registry import DATASETS
from .voc_folder import VOCFolder
from .yolo import yolo_content, yolo_settings

SIGNS = {  # what tells a format
    'VOC': ('Annotations/*.xml',),
    'COCO': ('annotations/*.json', '*/_annotations.coco.json'),
    'YOLO': ('data.yaml', 'labels/**/*.txt', '*/labels/**/*.txt'),
}
YEAR = '20[0-9][0-9]'
PLACES = {  # what holds a split
    'VOC': ('ImageSets/Main/{}.txt',),
    'COCO': (
        *(f'annotations/{name}{year}.json' for year in ('', YEAR) for name in ('instances_{}', '{}')),
        '{}/_annotations.coco.json',
    ),
    'YOLO': ('images/{}', '{}/images'),
}


def find(root: str, patterns: Sequence[str]) -> List[str]:
    """Paths below ``root``, relative to it, that fit the first of the patterns that any does."""
    found = (sorted(glob(pattern, root_dir=root, recursive=True)) for pattern in patterns)
    return next(filter(None, found), [])


def find_format(root: str) -> str:
    """Which format the boxes of a folder have: 'VOC', 'COCO' or 'YOLO'. More than one, or none, is an error."""
    found = {form: paths[0] for form, signs in SIGNS.items() if (paths := find(root, signs))}
    if len(found) == 1:
        return next(iter(found))
    if found:
        raise ValueError(f'{root} has boxes in more than one format: {found}. Keep one of them there.')
    raise FileNotFoundError(
        f'{root} has no boxes in a known format. Looked for: {SIGNS}. The folder has: {find(root, ["*"])[:20]}'
    )


def find_split(root: str, split: str) -> List[str]:
    """Where a split is, relative to ``root``: VOC's list, COCO's json, or YOLO's folders of images."""
    form, names = find_format(root), ('val', 'valid', 'validation') if split == 'val' else (split,)
    if form == 'VOC' and not find(root, ['ImageSets/Main/train.txt']):  # VOC's other pair of lists
        names = ({'train': 'trainval', 'val': 'test'}.get(split, split),)
    patterns = [place.format(name) for name in names for place in PLACES[form]]
    settings = yolo_settings(root) if form == 'YOLO' else {}
    for given in (settings[name] for name in names if settings.get(name)):
        # Roboflow writes ../train/images, and means a folder beside data.yaml
        values = [str(value).removeprefix('../') for value in (given if isinstance(given, list) else [given])]
        for places in ([osp.join(base, value) for value in values] for base in (settings.get('path') or '', '')):
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
    """Names of a folder's classes in the order of their labels.

    They are YOLO's of ``data.yaml`` or ``classes.txt``; COCO's categories of the training split, or of ``split`` where
    there is none; or those of all of VOC's XML files, by the alphabet.

    Raises:
        ValueError: There are none, or two of one name.
    """
    form, names = find_format(root), []
    if form == 'YOLO':
        names = yolo_settings(root)['names']
    elif form == 'COCO':
        file = (find(root, [place.format('train') for place in PLACES[form]]) or find_split(root, split))[0]
        names = [category['name'] for category in coco_content(osp.join(root, file))['categories']]
    else:
        for file in find(root, SIGNS[form]):
            try:
                names += [name.text for name in ET.parse(osp.join(root, file)).iterfind('object/name')]
            except ET.ParseError:
                continue  # an error if a list has it
        names = sorted(set(names))
    names = [name for name in names if name not in ignore_classes]
    if not names or len(set(names)) < len(names):
        raise ValueError(
            f'{root} ({form}) names its classes {names}: they must be there, and differ. YOLO has them in data.yaml '
            '(names: [...]) or classes.txt. Or set --cfg-options class_names="[name,...]".'
        )
    return tuple(names)


def coco_content(file: str) -> dict:
    """Read and check a COCO json, without the category that Roboflow adds for the group of all others."""
    try:
        content = load(file)
        twice = [key for key, count in Counter(image['id'] for image in content['images']).items() if count > 1]
        used = {annotation['category_id'] for annotation in content['annotations']}
        groups = {kind.get('supercategory') for kind in content['categories']}
        kinds = [kind for kind in content['categories'] if kind['id'] in used or kind['name'] not in groups]
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f'{file} is no json of boxes in the format of COCO: {error!r}') from None
    if twice:
        raise ValueError(f'{file}: {len(twice)} image ids occur more than once: {twice[:5]}')
    return dict(content, categories=kinds)


def image_folder(root: str, file: str, images: List[dict]) -> str:
    """The folder that the images of a COCO json are in, by the first: the json's own, or one that the split names."""
    split = osp.splitext(osp.basename(file))[0].removeprefix('instances_')
    folders = [osp.dirname(file), split, osp.join('images', split), 'images', '']
    first = images[0]['file_name'] if images else ''
    return osp.join(root, next((f for f in folders if osp.isfile(osp.join(root, f, first))), folders[0]))


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
        ignored = kwargs.get('ignore_classes', ())
        classes = (metainfo or {}).get('classes') or folder_classes(data_root, split, ignored)
        metainfo = dict(metainfo or {}, classes=classes)
        super().__init__(metainfo, data_root=data_root, ann_file=self.places[0], **kwargs)

    def load_data_list(self) -> List[dict]:
        """Read and check every annotation, and say in the log what was found."""
        form, classes = find_format(self.data_root), self.metainfo['classes']
        found = super().load_data_list() if form == 'VOC' else self.load_content(form)
        print_log(
            f'{self.data_root}, {self.split}: {form} ({", ".join(self.places)}), {len(found)} images, '
            f'{sum(len(info["instances"]) for info in found)} objects, {len(classes)} classes ({", ".join(classes)})',
            'current',
        )
        return found

    def load_content(self, form: str) -> List[dict]:
        """Let mmdet's ``CocoDataset`` read COCO's or YOLO's annotations, with the labels that the classes have here."""
        classes, folder = self.metainfo['classes'], ''
        if form == 'YOLO':
            names = yolo_settings(self.data_root)['names'] or classes
            content = yolo_content(self.data_root, self.places, names)
        else:
            content = coco_content(self.ann_file)
            folder = image_folder(self.data_root, self.places[0], content['images'])
        names, boxes = {kind['id']: kind['name'] for kind in content['categories']}, []
        for box in content['annotations']:
            name = names.get(box['category_id'], f'category {box["category_id"]}')
            if name in classes:
                area = box.get('area', box['bbox'][2] * box['bbox'][3])
                boxes.append(dict(box, category_id=classes.index(name), area=area))
            elif name not in self.ignore_classes:
                self.unknown[name].append(self.ann_file)
        self.check_unknown()
        api = COCO()
        api.dataset = dict(content, annotations=boxes, categories=[dict(id=i, name=n) for i, n in enumerate(classes)])
        api.createIndex()
        api.img_ann_map, api.cat_img_map = api.imgToAnns, api.catToImgs
        reader = CocoDataset(self.ann_file, self.metainfo, data_prefix=dict(img=folder), lazy_init=True)
        reader.COCOAPI = lambda file: api
        found = reader.load_data_list()
        for info in found:
            if not osp.isfile(info['img_path']):
                raise FileNotFoundError(f'missing image: {info["img_path"]}, listed in {self.ann_file}.')
        if left := len(boxes) - sum(len(info['instances']) for info in found):
            what = 'smaller than a pixel, outside of the image, or marked as to be ignored'
            print_log(f'{self.ann_file}: {left} boxes are left out: {what}.', 'current', logging.WARNING)
        return found
