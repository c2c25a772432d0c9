import cv2
import pytest
from detection_data import BOXES, CLASSES, annotation, image, make_voc
from PIL import Image

from mmhssakd.registry import DATASETS

PIPELINE = [
    dict(type='LoadImageFromFile', backend_args=dict(backend='whole_images')),
    dict(type='mmdet.LoadAnnotations', with_bbox=True),
]


def build(root, split='trainval', classes=CLASSES, **kwargs):
    return DATASETS.build(
        dict(
            dict(
                type='VOCFolder',
                data_root=str(root),
                ann_file=f'ImageSets/Main/{split}.txt',
                pipeline=PIPELINE,
                metainfo=dict(classes=classes),
            ),
            **kwargs,
        )
    )


@pytest.fixture
def folder(tmp_path):
    return make_voc(tmp_path / 'voc')


def test_reads_boxes_and_labels(folder):
    dataset = build(folder)
    assert len(dataset) == 2
    item = dataset[1]
    assert item['img'].shape == (96, 128, 3)
    assert item['gt_bboxes'].tensor.tolist() == [[x - 1 for x in box] for box in BOXES]
    assert item['gt_bboxes_labels'].tolist() == [0, 1]


def test_the_order_of_the_names_is_that_of_the_labels(folder):
    assert build(folder, classes=CLASSES[::-1])[0]['gt_bboxes_labels'].tolist() == [1, 0]


def test_boxes_are_clipped_to_the_image(folder):
    (folder / 'Annotations/000000.xml').write_text(annotation(boxes=((0, 0, 10, 10), (100, 50, 300, 96))))
    assert [i['bbox'] for i in build(folder).get_data_info(0)['instances']] == [[0, 0, 9, 9], [99, 49, 128, 95]]


def test_empty_boxes_are_errors_or_left_out(folder):
    (folder / 'Annotations/000000.xml').write_text(annotation(boxes=((4, 6, 4, 6), (100, 50, 120, 90))))
    with pytest.raises(ValueError, match=r'000000.xml has a box that is empty.*set drop_empty_boxes=True'):
        build(folder)
    (kept,) = build(folder, drop_empty_boxes=True).get_data_info(0)['instances']
    assert kept['bbox'] == [99, 49, 119, 89] and kept['bbox_label'] == 1


def test_a_box_outside_of_its_image_is_an_error(folder):
    (folder / 'Annotations/000000.xml').write_text(annotation(boxes=((4, 6, 40, 44), (500, 20, 590, 70))))
    message = r'or outside of its image of 128 x 96: xmin 500, ymin 20, xmax 590, ymax 70 \(disc\)'
    with pytest.raises(ValueError, match=message):
        build(folder)


def test_an_annotation_for_another_size_is_an_error(folder):
    cv2.imwrite(str(folder / 'JPEGImages/000000.jpg'), image((48, 64, 3)))
    message = r'000000.xml is for an image of 128 x 96, but .*0.jpg is 64 x 48 .*do not fit: \[\[3, 5, 39, 43\]\]'
    with pytest.raises(ValueError, match=message):
        build(folder)


@pytest.mark.parametrize('orientation', [3, 6])
def test_a_picture_that_its_header_turns_is_as_large_as_it_is_loaded(folder, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    file, size = folder / 'JPEGImages/000000.jpg', (96, 128) if orientation < 5 else (128, 96)
    Image.fromarray(image()).save(file, exif=exif)
    (folder / 'Annotations/000000.xml').write_text(annotation(size=size))
    assert cv2.imread(str(file)).shape[:2] == size and len(build(folder)) == 2


def test_images_of_other_extensions(folder):
    (folder / 'JPEGImages/000000.jpg').rename(folder / 'JPEGImages/000000.png')
    assert build(folder).get_data_info(0)['img_path'].endswith('000000.png')


def test_unknown_classes_are_listed_with_their_file(folder):
    (folder / 'Annotations/000001.xml').write_text(annotation(names=('square', 'star')))
    with pytest.raises(ValueError, match=r'lacks:\nstar: 1 objects, first in .*000001\.xml'):
        build(folder)
    assert len(build(folder, ignore_classes=('star',)).get_data_info(1)['instances']) == 1


@pytest.mark.parametrize('classes', [None, (), 'square'])
def test_class_names_are_needed(folder, classes):
    with pytest.raises(ValueError, match='needs the names to detect.*class_names='):
        build(folder, classes=classes)


def test_missing_image(folder):
    (folder / 'JPEGImages/000001.jpg').unlink()
    with pytest.raises(FileNotFoundError, match=r'missing image: .*000001\.jpg .*listed in .*trainval\.txt'):
        build(folder)


def test_broken_image(folder):
    (folder / 'JPEGImages/000001.jpg').write_bytes(b'')
    dataset = build(folder)
    with pytest.raises(ValueError, match=r'cannot read the image .*000001\.jpg'):
        dataset[1]


def test_missing_annotation(folder):
    (folder / 'Annotations/000001.xml').unlink()
    with pytest.raises(FileNotFoundError, match=r'missing annotation: .*000001\.xml'):
        build(folder)


@pytest.mark.parametrize(
    'content, message',
    [
        ('', r'000001\.xml is no XML'),
        ('<annotation>', r'000001\.xml is no XML'),
        ('<annotation><object><name>square</name></object></annotation>', r'000001\.xml is no VOC annotation'),
    ],
)
def test_broken_annotation(folder, content, message):
    (folder / 'Annotations/000001.xml').write_text(content)
    with pytest.raises(ValueError, match=message):
        build(folder)


def test_annotation_without_objects(folder):
    (folder / 'Annotations/000000.xml').write_text('<annotation></annotation>')
    assert build(folder)[0]['gt_bboxes'].tensor.shape == (0, 4)
    assert len(build(folder, filter_cfg=dict(filter_empty_gt=True))) == 1


def test_nothing_left_to_train_on(folder):
    for file in (folder / 'Annotations').iterdir():
        file.write_text(annotation(names=()))
    with pytest.raises(ValueError, match='No image of .*trainval.txt holds an object'):
        build(folder, filter_cfg=dict(filter_empty_gt=True))


def test_a_list_that_is_no_text_and_a_class_without_name(folder):
    (folder / 'Annotations/000001.xml').write_text(annotation(names=('square', '')))
    with pytest.raises(ValueError, match=r'lacks:\nNone: 1 objects, first in .*000001\.xml'):
        build(folder)
    (folder / 'ImageSets/Main/trainval.txt').write_bytes(b'\xff\xfe')
    with pytest.raises(ValueError, match='trainval.txt is no text'):
        build(folder)


def test_empty_and_missing_lists(folder):
    (folder / 'ImageSets/Main/test.txt').write_text('\n')
    with pytest.raises(ValueError, match='test.txt lists no image'):
        build(folder, 'test')
    with pytest.raises(FileNotFoundError, match='no such list of images: .*val.txt'):
        build(folder, 'val')
