"""Any folder in the layout of Pascal VOC, checked before training."""

import logging
import os.path as osp
import xml.etree.ElementTree as ET
from collections import defaultdict
from contextlib import suppress
from typing import List, Optional

from mmdet.datasets import XMLDataset
from mmengine.fileio import list_from_file
from mmengine.logging import print_log
from PIL import ExifTags, Image

from mmhssakd.registry import DATASETS

ORIENTATION = ExifTags.Base.Orientation
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
            read, is of another size than its image, or has a box without area in it; the list of images is empty, or
            no image of it holds an object.
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
        self.unknown: dict = defaultdict(list)
        super().__init__(metainfo=metainfo, **kwargs)

    @property
    def sub_data_root(self) -> str:
        """The folder itself, unless ``data_prefix`` names one below it."""
        return super().sub_data_root or self.data_root

    def load_data_list(self) -> List[dict]:
        """Read and check every annotation."""
        if not osp.isfile(self.ann_file):
            raise FileNotFoundError(
                f'ann_file: no such list of images: {self.ann_file}. VOC keeps it in ImageSets/Main.'
            )
        try:
            lines = list_from_file(self.ann_file)
        except UnicodeDecodeError as error:
            raise ValueError(f'ann_file: {self.ann_file} is no text: {error}') from None
        if not any(line.strip() for line in lines):
            raise ValueError(f'ann_file: {self.ann_file} lists no image.')
        data_list = super().load_data_list()
        self.check_unknown()
        return data_list

    def check_unknown(self) -> None:
        """Refuse names of classes that were not given."""
        if self.unknown:
            lines = [f'{name}: {len(files)} objects, first in {files[0]}' for name, files in self.unknown.items()]
            what = f'{self.sub_data_root} has classes that metainfo.classes {tuple(self.metainfo["classes"])} lacks:'
            raise ValueError('\n'.join([what, *lines, 'Name them, or list them in ignore_classes.']))

    def parse_data_info(self, img_info: dict) -> dict:
        """Find the image by any extension, and name the file in every complaint."""
        names = [img_info['file_name'].removesuffix('.jpg') + extension for extension in EXTENSIONS]
        found = next((name for name in names if osp.isfile(osp.join(self.sub_data_root, name))), None)
        if found is None:
            image, others = osp.join(self.sub_data_root, names[0]), ', '.join(EXTENSIONS[1:])
            raise FileNotFoundError(f'missing image: {image} (or {others}), listed in {self.ann_file}.')
        xml = self.xml_path = img_info['xml_path']
        try:
            info = super().parse_data_info(dict(img_info, file_name=found))
        except FileNotFoundError:
            raise FileNotFoundError(f'missing annotation: {xml}, listed in {self.ann_file}.') from None
        except ET.ParseError as error:
            raise ValueError(
                f'{xml} is no XML ({error}). An image without objects still needs <annotation></annotation>.'
            ) from None
        except (AttributeError, TypeError, ValueError) as error:
            raise ValueError(f'{xml} is no VOC annotation: {error}') from None
        self.check_size(info)
        info['instances'] = [instance for instance in info['instances'] if self.clip_box(instance, info)]
        return info

    def check_size(self, info: dict) -> None:
        """Refuse an annotation whose size is not that in its image's header."""
        # one that is damaged is named when it is read
        with suppress(OSError, Image.DecompressionBombError), Image.open(info['img_path']) as image:
            size = image.size[::-1] if image.getexif().get(ORIENTATION, 1) > 4 else image.size
            if size != (info['width'], info['height']):
                boxes = [instance['bbox'] for instance in info['instances'][:1]]
                raise ValueError(
                    f'{self.xml_path} is for an image of {info["width"]} x {info["height"]}, but {info["img_path"]} is '
                    f'{size[0]} x {size[1]} (turned as its EXIF says), so its boxes do not fit: {boxes}.'
                )

    def clip_box(self, instance: dict, info: dict) -> bool:
        """Keep an object's box inside of its image; returns whether anything is left of it.

        Raises:
            ValueError: Nothing is, and ``drop_empty_boxes`` is not set.
        """
        (x1, y1, x2, y2), width, height = instance['bbox'], info['width'], info['height']
        box = instance['bbox'] = [max(x1, 0), max(y1, 0), min(x2, width), min(y2, height)]
        if box[0] < box[2] and box[1] < box[3]:
            return True
        what = (
            f'{self.xml_path} has a box that is empty, or outside of its image of {width} x {height}: '
            f'xmin {x1 + 1:g}, ymin {y1 + 1:g}, xmax {x2 + 1:g}, ymax {y2 + 1:g} '
            f'({self.metainfo["classes"][instance["bbox_label"]]}).'
        )
        if not self.drop_empty_boxes:
            raise ValueError(
                f'{what} Mend it, or set drop_empty_boxes=True for the data set (train_dataloader.dataset, or in a '
                'RepeatDataset train_dataloader.dataset.dataset; val_dataloader.dataset).'
            )
        print_log(f'{what} It is left out.', logger='current', level=logging.WARNING)
        return False

    def _parse_instance_info(self, raw_ann_info: ET.ElementTree, minus_one: bool = True) -> List[dict]:
        """Remember classes that were not named; overrides a private method of mmdet's ``XMLDataset``."""
        for thing in raw_ann_info.findall('object'):
            name = thing.find('name').text
            if name not in self.metainfo['classes'] and name not in self.ignore_classes:
                self.unknown[name].append(self.xml_path)
        return super()._parse_instance_info(raw_ann_info, minus_one)

    def filter_data(self) -> List[dict]:
        """Filter as ``filter_cfg`` says; nothing left is an error."""
        kept = super().filter_data()
        if not kept:
            raise ValueError(f'No image of {self.ann_file} holds an object of {tuple(self.metainfo["classes"])}.')
        return kept
