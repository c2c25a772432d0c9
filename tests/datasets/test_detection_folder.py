import json
import logging
import re

import pytest
from detection_data import BOXES, CLASSES, FOLDERS, image, make_coco, make_voc, make_yolo
from mmengine.logging import MMLogger

from mmhssakd.registry import DATASETS

PIPELINE = [dict(type='LoadImageFromFile'), dict(type='mmdet.LoadAnnotations', with_bbox=True)]
SPLIT = 'annotations/train.json'


def build(root, split='train', **kwargs):
    return DATASETS.build(dict(type='DetectionFolder', data_root=str(root), split=split, pipeline=PIPELINE, **kwargs))


@pytest.fixture
def said():
    """What the log says."""
    lines = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())
    logger = MMLogger.get_current_instance()
    logger.addHandler(handler)
    yield lines
    logger.removeHandler(handler)


@pytest.fixture(params=FOLDERS)
def made(request, tmp_path):
    return request.param, FOLDERS[request.param](tmp_path / 'data')


@pytest.mark.parametrize('split', ['train', 'val'])
def test_every_layout(made, split, said):
    layout, root = made
    dataset = build(root, split)
    assert len(dataset) == 2 and dataset.metainfo['classes'] == (CLASSES if 'voc' not in layout else ('disc', 'square'))
    item = dataset[1]
    less = 1 if 'voc' in layout else 0  # VOC counts pixels from 1
    wanted = [[x - less for x in box] for box in BOXES]
    assert item['gt_bboxes'].tensor.flatten().tolist() == pytest.approx([x for box in wanted for x in box], abs=1e-4)
    assert [dataset.metainfo['classes'][i] for i in item['gt_bboxes_labels']] == list(CLASSES)
    assert item['img'].shape == (96, 128, 3)
    form = layout.split()[0].upper()
    assert [line for line in said if f'{split}: {form} (' in line and '2 images, 4 objects, 2 classes (' in line]


def test_given_names_decide_on_the_labels(made):
    dataset = build(made[1], metainfo=dict(classes=('disc', 'other', 'square')))
    assert dataset[0]['gt_bboxes_labels'].tolist() == [2, 0]


def test_given_names_must_be_those_of_the_data(made):
    with pytest.raises(ValueError, match=r'lacks:\ndisc: 2 objects, first in .*\nName them'):
        build(made[1], metainfo=dict(classes=('square', 'disk')))
    dataset = build(made[1], ignore_classes=('disc',))
    assert dataset.metainfo['classes'] == ('square',) and len(dataset[0]['gt_bboxes_labels']) == 1


def test_a_split_that_is_not_there(made):
    with pytest.raises(FileNotFoundError, match=r"no split 'more'. Looked for: .*more.*--no-validate"):
        build(made[1], 'more')


def test_no_validation_split_is_invented(tmp_path):
    root = make_yolo(tmp_path, splits=('train', 'test'))
    message = r"\(YOLO\) has no split 'val'. Looked for: images/val, val/images, images/valid, valid/images,"
    with pytest.raises(FileNotFoundError, match=message):
        build(root, 'val')
    assert len(build(root, 'test')) == 2


def test_no_format(tmp_path):
    (tmp_path / 'pictures').mkdir()
    with pytest.raises(FileNotFoundError, match=r"no boxes in a known.*Annotations/\*\.xml.*has: \['pictures'\]"):
        build(tmp_path)


def test_mixed_formats(tmp_path):
    make_yolo(make_voc(tmp_path))
    with pytest.raises(ValueError, match=r"more than one format: \{'VOC': 'Annotations/000000.xml', 'YOLO'"):
        build(tmp_path)


# YOLO


@pytest.fixture
def yolo(tmp_path):
    return make_yolo(tmp_path)


@pytest.mark.parametrize(
    'line, message',
    [
        ('2 0.5 0.5 0.1 0.1', 'are 2 classes, from 0 on'),
        ('-1 0.5 0.5 0.1 0.1', 'There are 2 classes'),
        ('0.5 0.5 0.5 0.1 0.1', 'There are 2 classes'),
        ('0 0.5 1.2 0.1 0.1', 'Coordinates must be shares of the image, 0 to 1'),
        ('0 0.5 -0.2 0.1 0.1', '0 to 1'),
        ('0 0.5 nan 0.1 0.1', '0 to 1'),
        ('0 64 48 10 10', '0 to 1'),
        ('0 0.5 0.5 0.1', 'A box has 5 columns'),
        ('0 0.5 0.5 0.1 0.1 0.9', 'A box has 5 columns'),
        ('0 0.1 0.1 0.2 0.2 0.3 0.3 0.4', 'a polygon 7, 9, ...'),
        ('cat 0.5 0.5 0.1 0.1', "not convert string to float: 'cat'"),
    ],
)
def test_damaged_label_files(yolo, line, message):
    (yolo / 'labels/train/000001.txt').write_text(f'0 0.5 0.5 0.1 0.1\n\n{line}\n')
    with pytest.raises(ValueError, match=f'labels/train/000001.txt, line 3: {re.escape(repr(line))}. .*{message}'):
        build(yolo)


@pytest.mark.parametrize('file', ['labels/train/000000.txt', 'images/train/000000.jpg'])
def test_files_that_are_something_else(yolo, file):
    (yolo / file).write_bytes(b'\xff\xfe\x00GIF')
    with pytest.raises(ValueError, match=file):
        build(yolo)


def test_a_polygon_is_its_box(yolo):
    (yolo / 'labels/train/000000.txt').write_text('1 0.25 0.5 0.5 0.25 0.75 0.5 0.5 1\n0 0 0 1 1\n')
    boxes = [i['bbox'] for i in build(yolo).get_data_info(0)['instances']]
    assert boxes == [[32, 24, 96, 96], [0, 0, 64, 48]]  # the second: clipped


def test_an_empty_label_file_is_an_image_without_objects(yolo, said):
    (yolo / 'labels/train/000000.txt').write_text('')
    assert build(yolo)[0]['gt_bboxes'].tensor.shape == (0, 4) and not [line for line in said if 'no label' in line]
    assert len(build(yolo, filter_cfg=dict(filter_empty_gt=True))) == 1


def test_images_without_label_file(yolo, said):
    (yolo / 'labels/train/000000.txt').unlink()
    dataset = build(yolo)
    assert len(dataset) == 2 and not dataset.get_data_info(0)['instances']
    assert [line for line in said if line.startswith('1 of 2 images of ') and 'labels/train/000000.txt, ...' in line]
    (yolo / 'labels/train/000001.txt').unlink()
    with pytest.raises(FileNotFoundError, match=r'2 of 2 images of .*images/train have no label file.*000000\.txt'):
        build(yolo)


def test_a_split_without_images(yolo):
    for file in (yolo / 'images/train').iterdir():
        file.unlink()
    with pytest.raises(FileNotFoundError, match='0 of 0 images'):
        build(yolo)


@pytest.mark.parametrize(
    'content',
    [
        'names: [square, "di',
        '',
        'names',
        '{names: {0: square, 2: disc}}',
        '{names: [square], nc: 2}',
        '\x00',
        'names: 3',
        'names: square',
    ],
)
def test_damaged_data_yaml(yolo, content):
    (yolo / 'data.yaml').write_text(content)
    with pytest.raises(ValueError, match=r'data.yaml is damaged'):
        build(yolo)


def test_data_yaml_runs_no_code(yolo):
    (yolo / 'data.yaml').write_text(f'names: !!python/object/apply:pathlib.Path.touch [{yolo}/run]')
    with pytest.raises(ValueError, match=r'data.yaml is damaged'):
        build(yolo)
    assert not (yolo / 'run').exists()


@pytest.mark.parametrize(
    'value',
    [
        'images/train',
        '../images/train',
        './images/train',
        '[images/train]',
        '/elsewhere/images/train',
        '{root}/images/train',
    ],
)
def test_places_of_data_yaml(yolo, value):
    (yolo / 'data.yaml').write_text(f'names: [square, disc]\ntrain: {value.format(root=yolo)}\npath: ../datasets/x\n')
    assert len(build(yolo)) == 2


def test_places_of_data_yaml_come_first(yolo):
    make_yolo(yolo, ('train',), part='other/{}/images', count=1)
    (yolo / 'data.yaml').write_text('names: [square, disc]\ntrain: other/train/images')
    assert len(build(yolo)) == 1
    (yolo / 'data.yaml').write_text('names: [square, disc]\ntrain: [images/train, other/train/images]')
    assert len(build(yolo)) == 3


def test_names_elsewhere(yolo):
    (yolo / 'data.yaml').unlink()
    with pytest.raises(ValueError, match=r'\(YOLO\) names its classes \[\].*classes.txt.*class_names='):
        build(yolo)
    assert build(yolo, metainfo=dict(classes=CLASSES)).metainfo['classes'] == CLASSES
    (yolo / 'classes.txt').write_text('square\ndisc\n\n')
    assert build(yolo).metainfo['classes'] == CLASSES
    (yolo / 'classes.txt').write_text('disc\ndisc\n')
    with pytest.raises(ValueError, match='and differ'):
        build(yolo)


def test_an_image_that_lies_on_its_side(yolo):
    """OpenCV turns it by its EXIF orientation, and so do the labels take it."""
    from PIL import Image

    exif = Image.Exif()
    exif[274] = 6
    Image.fromarray(image()).save(yolo / 'images/train/000000.jpg', exif=exif)
    item = build(yolo)[0]
    assert item['img'].shape[:2] == (128, 96) and item['gt_bboxes'].tensor[0, 2] == pytest.approx(40 * 96 / 128)


# COCO


@pytest.fixture
def coco(tmp_path):
    return make_coco(tmp_path, CLASSES)


def edit(root, split='train2017', **changes):
    file = root / f'annotations/instances_{split}.json'
    content = json.loads(file.read_text())
    for key, change in changes.items():
        content[key] = change(content[key])
    file.write_text(json.dumps(content))


def test_category_ids_with_gaps_in_another_order(coco):
    number = {1: 70, 2: 3}
    edit(
        coco,
        'val2017',
        categories=lambda kinds: [dict(kind, id=number[kind['id']]) for kind in kinds[::-1]],
        annotations=lambda boxes: [dict(box, category_id=number[box['category_id']]) for box in boxes],
    )
    for split in ('train', 'val'):
        dataset = build(coco, split)
        assert dataset.metainfo['classes'] == CLASSES and dataset[0]['gt_bboxes_labels'].tolist() == [0, 1]


def test_roboflow_adds_a_group(coco):
    group = dict(id=0, name='disc', supercategory='none')
    edit(coco, categories=lambda kinds: [group, *(dict(kind, supercategory='disc') for kind in kinds)])
    assert build(coco).metainfo['classes'] == CLASSES


def test_unknown_category_ids(coco):
    edit(coco, annotations=lambda boxes: [*boxes, dict(boxes[0], id=99, category_id=9)])
    with pytest.raises(ValueError, match=r'lacks:\ncategory 9: 1 objects, first in .*instances_train2017.json'):
        build(coco)


def test_two_images_of_one_id(coco):
    edit(coco, images=lambda images: [images[0], dict(images[1], id=0)])
    with pytest.raises(ValueError, match=r'train2017.json: 1 ids of images or categories occur more than once: \[0\]'):
        build(coco)


def test_two_categories_of_one_id(coco):
    edit(coco, categories=lambda kinds: [dict(kind, id=1) for kind in kinds])
    with pytest.raises(ValueError, match=r'1 ids of images or categories occur more than once: \[1\]'):
        build(coco)


@pytest.mark.parametrize(
    'part, key, value',
    [
        ('annotations', 'bbox', [4, 6, float('inf'), 44]),
        ('annotations', 'bbox', [1, 2]),
        ('annotations', 'bbox', []),
        ('annotations', 'area', float('nan')),
        ('annotations', 'bbox', '1234'),
        ('annotations', 'category_id', {}),
        ('images', 'width', 'wide'),
        ('images', 'height', float('inf')),
        ('images', 'file_name', 3),
    ],
)
def test_values_that_are_none(coco, part, key, value):
    edit(coco, **{part: lambda items: [{**items[0], key: value}, *items[1:]]})
    with pytest.raises(ValueError, match='train2017.json is no json of boxes in the format of COCO'):
        build(coco)


def test_sizes_are_those_of_the_images_and_boxes_are_clipped(coco):
    edit(coco, annotations=lambda boxes: [dict(boxes[0], bbox=[-5, 6, 50, 44]), *boxes[1:]])
    assert build(coco).get_data_info(0)['instances'][0]['bbox'] == [0, 6, 45, 50]
    edit(coco, images=lambda images: [dict(images[0], width=256), *images[1:]])
    with pytest.raises(ValueError, match='train2017.json is for an image of 256 x 96, but .*000.jpg is 128 x 96'):
        build(coco)


def test_masks_of_any_kind_ids_twice_and_images_without_boxes(coco):
    rle = dict(counts=[10, 5, 12273], size=[96, 128])
    edit(coco, annotations=lambda boxes: [dict(boxes[0], segmentation=rle), dict(boxes[1], id=1, segmentation=[])])
    dataset = build(coco)
    assert [len(dataset.get_data_info(i)['instances']) for i in range(2)] == [2, 0]


def test_crowds_are_ignored(coco):
    edit(coco, annotations=lambda boxes: [dict(boxes[0], iscrowd=1), *boxes[1:]])
    assert [i['ignore_flag'] for i in build(coco).get_data_info(0)['instances']] == [1, 0]


def test_boxes_that_mmdet_leaves_out_are_counted(coco, said):
    edit(coco, annotations=lambda boxes: [dict(boxes[0], bbox=[500, 500, 9, 9]), *boxes[1:]])
    assert len(build(coco).get_data_info(0)['instances']) == 1
    assert [line for line in said if 'train2017.json: 1 boxes are left out' in line]


def test_an_area_is_not_needed(coco):
    edit(coco, annotations=lambda boxes: [{k: v for k, v in box.items() if k != 'area'} for box in boxes])
    assert len(build(coco).get_data_info(0)['instances']) == 2


def test_missing_coco_image(coco):
    (coco / 'train2017/000000000001.jpg').unlink()
    with pytest.raises(FileNotFoundError, match=r'missing image: .*000000000001.jpg, listed in .*train2017.json'):
        build(coco)


@pytest.mark.parametrize('content', ['', '{"images": [', '{"images": []}', '[]', '{"images": 1}', '3'])
def test_damaged_json(coco, content):
    (coco / 'annotations/instances_train2017.json').write_text(content)
    with pytest.raises(ValueError, match='train2017.json is no json of boxes in the format of COCO'):
        build(coco)


def test_boxes_of_an_image_that_is_not_listed(coco):
    edit(coco, annotations=lambda boxes: [dict(boxes[0], image_id=77), *boxes[1:]])
    with pytest.raises(ValueError, match=r'train2017.json: boxes name 1 image ids that it does not list: \[77\]'):
        build(coco)


@pytest.mark.parametrize(
    'part, key',
    [('images', 'width'), ('images', 'id'), *(('annotations', key) for key in ('bbox', 'category_id', 'image_id'))],
)
def test_json_that_lacks_a_key(coco, part, key):
    edit(coco, **{part: lambda items: [{k: v for k, v in item.items() if k != key} for item in items]})
    with pytest.raises(ValueError, match=rf"train2017.json is no json .*KeyError\('{key}'\)"):
        build(coco)


# VOC


def test_voc_with_all_lists(tmp_path):
    root = make_voc(tmp_path, splits=('train', 'val', 'trainval', 'test'))
    assert build(root).places == ['ImageSets/Main/train.txt'] and build(root, 'val').places == [
        'ImageSets/Main/val.txt'
    ]
    assert build(root, 'test').places == ['ImageSets/Main/test.txt']


def test_a_broken_xml_that_a_list_has(tmp_path):
    root = make_voc(tmp_path)
    (root / 'Annotations/stray.xml').write_text('<annotation>')
    assert len(build(root)) == 2
    (root / 'Annotations/000001.xml').write_text('<annotation>')
    with pytest.raises(ValueError, match=r'000001\.xml is no XML'):
        build(root)


def test_voc_without_objects(tmp_path):
    root = make_voc(tmp_path, names=())
    with pytest.raises(ValueError, match=r'\(VOC\) names its classes \[\]'):
        build(root)
