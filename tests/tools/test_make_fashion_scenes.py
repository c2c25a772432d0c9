import json
import sys

import cv2
import make_fashion_scenes as maker
import numpy as np
import pytest
from fashion_data import write_split

from mmhssakd.registry import DATASETS

TRAIN_LABELS, TEST_LABELS = range(5), range(5, 10)


def shapes(count: int = 10) -> np.ndarray:
    """White discs with a corner: no symmetry, so that a wrong box shows."""
    article = np.zeros((28, 28), np.uint8)
    cv2.circle(article, (14, 15), 9, 255, -1)
    article[3:8, 20:25] = 255
    return np.repeat(article[None], count, axis=0)


@pytest.fixture
def source(tmp_path):
    """Fashion-MNIST in small: the train split has labels 0 to 4, the test split 5 to 9."""
    folder = tmp_path / 'articles'
    folder.mkdir()
    for name, labels in (('train', TRAIN_LABELS), ('t10k', TEST_LABELS)):
        write_split(folder, name, shapes(len(labels)), np.array(labels))
    return folder


def make(monkeypatch, source, out, *options):
    monkeypatch.setattr(
        sys, 'argv', ['make', '--source', str(source), '--out', str(out), '--train', '3', '--test', '2', *options]
    )
    maker.main()
    return out


@pytest.mark.parametrize('seed', range(5))
def test_boxes_are_tight_around_the_pixels(monkeypatch, seed):
    monkeypatch.setattr(maker, 'texture', lambda rng, size: np.zeros((size, size, 3)))
    scene = maker.compose(np.random.default_rng(seed), shapes(), np.arange(10), scraps=0, count=(1, 1))
    bright = scene.image.max(axis=2) > 45
    rows, columns = np.nonzero(bright)
    assert scene.boxes.tolist() == [[columns.min(), rows.min(), columns.max(), rows.max()]]
    assert np.array_equal(bright, scene.owner > 0)


@pytest.mark.parametrize('seed', range(5))
def test_boxes_of_overlapping_articles(seed):
    scene = maker.compose(np.random.default_rng(seed), shapes(), np.arange(10), count=(8, 8))
    assert scene.image.shape == (112, 112, 3) and scene.image.dtype == np.uint8
    assert len(scene.labels) == len(scene.boxes) >= 5
    for number, (x1, y1, x2, y2) in enumerate(scene.boxes, start=1):
        outside = scene.owner == number
        assert outside[y1 : y2 + 1, x1].any() and outside[y1 : y2 + 1, x2].any()
        assert outside[y1, x1 : x2 + 1].any() and outside[y2, x1 : x2 + 1].any()
        outside[y1 : y2 + 1, x1 : x2 + 1] = False
        assert not outside.any()


def test_articles_overlap_but_stay_half_visible():
    hidden = 0
    for seed in range(5):
        rng = np.random.default_rng(seed)
        scene = maker.compose(rng, shapes(), np.arange(10), count=(8, 8), scale=(1, 1), angle=0)
        areas = np.bincount(scene.owner.ravel())[1:]
        whole = np.count_nonzero(shapes()[0])
        assert areas.min() >= 0.5 * whole * 0.95  # a warped mask may differ by some pixels
        hidden += np.count_nonzero(areas < 0.9 * whole)
    assert hidden > 0


def test_voc_layout_reads_back(monkeypatch, source, tmp_path):
    out = make(monkeypatch, source, tmp_path / 'scenes')
    assert not (out / 'annotations').exists()
    for split, labels, count in (('trainval', TRAIN_LABELS, 3), ('test', TEST_LABELS, 2)):
        dataset = DATASETS.build(
            dict(
                type='VOCFolder',
                data_root=str(out),
                ann_file=f'ImageSets/Main/{split}.txt',
                pipeline=[],
                test_mode=True,
                metainfo=dict(classes=maker.CLASSES),
            )
        )
        assert len(dataset) == count
        seen = {instance['bbox_label'] for i in range(count) for instance in dataset.get_data_info(i)['instances']}
        assert seen and seen <= set(labels)
    number = 1  # the test split is the second
    scene = maker.compose(np.random.default_rng([0, number, 0]), shapes(5), np.array(TEST_LABELS))
    info = dataset.get_data_info(0)
    assert [instance['bbox'] for instance in info['instances']] == scene.boxes.tolist()
    written = cv2.imread(info['img_path']).astype(int)
    assert np.abs(written - scene.image).mean() < 8  # JPEG


def test_coco_layout_says_the_same(monkeypatch, source, tmp_path):
    out = make(monkeypatch, source, tmp_path / 'scenes', '--coco')
    content = json.loads((out / 'annotations/instances_trainval.json').read_text())
    assert [category['name'] for category in content['categories']] == list(maker.CLASSES)
    voc = DATASETS.build(
        dict(
            type='VOCFolder',
            data_root=str(out),
            ann_file='ImageSets/Main/trainval.txt',
            pipeline=[],
            metainfo=dict(classes=maker.CLASSES),
        )
    )
    for i, image in enumerate(content['images']):
        assert (out / 'JPEGImages' / image['file_name']).is_file()
        boxes = [a['bbox'] for a in content['annotations'] if a['image_id'] == i]
        expected = [instance['bbox'] for instance in voc.get_data_info(i)['instances']]
        assert [[x, y, x + w - 1, y + h - 1] for x, y, w, h in boxes] == expected


def test_the_seed_decides(monkeypatch, source, tmp_path):
    def content(name, *options):
        out = make(monkeypatch, source, tmp_path / name, *options)
        return {file.relative_to(out): file.read_bytes() for file in sorted(out.rglob('*')) if file.is_file()}

    first = content('a')
    assert content('b') == first
    assert content('c', '--seed', '1') != first


def test_missing_articles_are_named(monkeypatch, source, tmp_path):
    (source / 't10k-labels-idx1-ubyte').unlink()
    with pytest.raises(FileNotFoundError, match='lacks t10k-labels-idx1-ubyte.*prepare_fashion_mnist'):
        make(monkeypatch, source, tmp_path / 'scenes')


def test_no_scenes(monkeypatch, source, tmp_path, capsys):
    with pytest.raises(SystemExit):
        make(monkeypatch, source, tmp_path / 'scenes', '--test', '0')
    assert "argument --test: invalid natural value: '0'" in capsys.readouterr().err
