"""Any folder in the layout of Pascal VOC, checked before training."""

import logging
import os.path as osp
import xml.etree.ElementTree as ET
from collections import Counter, defaultdict
from typing import List, Optional

from mmdet.datasets import XMLDataset
from mmengine.fileio import list_from_file
from mmengine.logging import print_log

from mmhssakd.registry import DATASETS

EXTENSIONS = ('.jpg', '.jpeg', '.png', '.bmp')


@DATASETS.register_module()
class VOCFolder(XMLDataset):
    """Detection data set in VOC's layout: JPEGImages, Annotations and ImageSets/Main below one folder.

    What mmdet's ``XMLDataset`` passes over in silence is an error here: classes of the XMLs that were not named,
    missing files, and a list without images. Boxes are clipped to the image; an annotation without objects is an
    image without objects (``filter_cfg=dict(filter_empty_gt=True)`` leaves it out of training).

    Args:
        metainfo (dict): ``classes``, the names to detect. Every name in the XMLs must be among them, or in
            ``ignore_classes``.
        ignore_classes (Sequence[str]): Names in the XMLs that are known and not to be detected.
        drop_empty_boxes (bool): Leave out boxes without area, or outside of their image, each with a warning. By
            default they are errors.
        **kwargs: Arguments of :class:`mmdet.datasets.XMLDataset`; ``ann_file`` is the list of images, one name
            without extension a line, relative to ``data_root``.

    Raises:
        ValueError: ``metainfo`` has no classes; an XML names a class that is neither given nor ignored, cannot be
            read, or has a box without area in its image; the list of images is empty, or no image of it holds an
            object.
        FileNotFoundError: The list, an annotation or an image is missing.
    """

    def __init__(
        self, metainfo: Optional[dict] = None, ignore_classes: tuple = (), drop_empty_boxes: bool = False, **kwargs
    ) -> None:
        classes = (metainfo or {}).get('classes')
        if not classes or isinstance(classes, str):
            raise ValueError(
                'VOCFolder needs the names to detect: metainfo=dict(classes=("name", ...)), or on the '
                f'command line --cfg-options class_names="[name,...]". It got {classes!r}.'
            )
        self.ignore_classes = tuple(ignore_classes)
        self.drop_empty_boxes = drop_empty_boxes
        super().__init__(metainfo=metainfo, **kwargs)

    @property
    def sub_data_root(self) -> str:
        """The folder itself, unless ``data_prefix`` names one below it."""
        return super().sub_data_root or self.data_root

    def load_data_list(self) -> List[dict]:
        """Read and check every annotation."""
        if not osp.isfile(self.ann_file):
            raise FileNotFoundError(
                f'ann_file: no such list of images: {self.ann_file}. VOC keeps it in '
                'ImageSets/Main, one image name without extension a line.'
            )
        if not any(line.strip() for line in list_from_file(self.ann_file)):
            raise ValueError(f'ann_file: {self.ann_file} lists no image.')
        self.unknown = defaultdict(Counter)
        data_list = super().load_data_list()
        if self.unknown:
            lines = [
                f'{name}: {sum(files.values())} objects, first in {next(iter(files))}'
                for name, files in self.unknown.items()
            ]
            raise ValueError(
                f'{self.sub_data_root} has classes that metainfo.classes '
                f'{tuple(self.metainfo["classes"])} lacks:\n'
                + '\n'.join(lines)
                + '\nName them, or list them in ignore_classes.'
            )
        return data_list

    def parse_data_info(self, img_info: dict) -> dict:
        """Find the image whatever its extension, and name the file in every complaint."""
        stem = osp.join(self.sub_data_root, osp.splitext(img_info['file_name'])[0])
        found = next((extension for extension in EXTENSIONS if osp.isfile(stem + extension)), None)
        if found is None:
            raise FileNotFoundError(
                f'missing image: {stem}.jpg (or {", ".join(EXTENSIONS[1:])}), listed in {self.ann_file}.'
            )
        img_info = dict(img_info, file_name=osp.splitext(img_info['file_name'])[0] + found)
        xml = self.xml_path = img_info['xml_path']
        try:
            info = super().parse_data_info(img_info)
        except FileNotFoundError:
            raise FileNotFoundError(f'missing annotation: {xml}, listed in {self.ann_file}.') from None
        except ET.ParseError as error:
            raise ValueError(
                f'{xml} is no XML ({error}). An image without objects still needs <annotation></annotation>.'
            ) from None
        except (AttributeError, TypeError, ValueError) as error:
            raise ValueError(f'{xml} is no VOC annotation: {error}') from None
        info['instances'] = [instance for instance in info['instances'] if self.clip_box(instance, info)]
        return info

    def clip_box(self, instance: dict, info: dict) -> bool:
        """Keep an object's box inside of its image; returns whether anything is left of it.

        Raises:
            ValueError: Nothing is, and ``drop_empty_boxes`` is not set.
        """
        x1, y1, x2, y2 = instance['bbox']
        box = [max(x1, 0), max(y1, 0), min(x2, info['width']), min(y2, info['height'])]
        instance['bbox'] = box
        if box[0] < box[2] and box[1] < box[3]:
            return True
        what = (
            f'{self.xml_path} has a box that is empty, or outside of its image of {info["width"]} x '
            f'{info["height"]}: xmin {x1 + 1:g}, ymin {y1 + 1:g}, xmax {x2 + 1:g}, ymax {y2 + 1:g} '
            f'({self.metainfo["classes"][instance["bbox_label"]]}).'
        )
        if not self.drop_empty_boxes:
            raise ValueError(
                f'{what} Mend it, or set drop_empty_boxes=True for the data set '
                '(train_dataloader.dataset.drop_empty_boxes, or in a RepeatDataset '
                'train_dataloader.dataset.dataset.drop_empty_boxes; val_dataloader.dataset...).'
            )
        print_log(f'{what} It is left out.', logger='current', level=logging.WARNING)
        return False

    def _parse_instance_info(self, raw_ann_info: ET.ElementTree, minus_one: bool = True) -> List[dict]:
        """Remember classes that were not named; overrides a private method of mmdet's ``XMLDataset``."""
        for thing in raw_ann_info.findall('object'):
            name = thing.find('name').text
            if name not in self.metainfo['classes'] and name not in self.ignore_classes:
                self.unknown[name][self.xml_path] += 1
        return super()._parse_instance_info(raw_ann_info, minus_one)

    def filter_data(self) -> List[dict]:
        """Filter as ``filter_cfg`` says; nothing left is an error."""
        kept = super().filter_data()
        if not kept:
            raise ValueError(
                f'No image of {self.ann_file} holds an object of {tuple(self.metainfo["classes"])}: '
                'there is nothing to train on.'
            )
        return kept
