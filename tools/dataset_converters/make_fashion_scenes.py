"""Compose real Fashion-MNIST articles into cluttered scenes with exact boxes: a detection set for any machine.

Scenes have three channels, a textured background, scraps of other articles that are not labeled, and articles of
random scale, rotation, tint and brightness that overlap. A box is tight around the pixels of its article that are
visible. Train scenes are made of the training articles, test scenes of the test articles.
The layout is VOC's (JPEGImages, Annotations, ImageSets/Main); --coco adds COCO's annotation files.
"""

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import List, Tuple

import cv2
import numpy as np
from mmpretrain.datasets import FashionMNIST
from mmpretrain.datasets.categories import FASHIONMNIST_CATEGORITES as CLASSES
from scipy.ndimage import binary_fill_holes

from mmhssakd.engine.launch import natural

MIN_VISIBLE = 0.5  # part of an article that later ones leave uncovered, at least
SPLITS = dict(trainval='train', test='test')  # our split, and the articles that it is made of


@dataclass
class Scene:
    """One scene.

    Args:
        image (np.ndarray): uint8, (size, size, 3), BGR.
        owner (np.ndarray): int, (size, size): number of the article (from 1) that a pixel shows, 0 for none.
        labels (np.ndarray): (n, ), class of every article.
        boxes (np.ndarray): int, (n, 4): first and last column and row, x1, y1, x2, y2, both inclusive, from 0.
    """

    image: np.ndarray
    owner: np.ndarray
    labels: np.ndarray
    boxes: np.ndarray


def texture(rng: np.random.Generator, size: int) -> np.ndarray:
    """Draw a background of smooth noise at four scales, (size, size, 3), float."""
    field = np.zeros((size, size, 3), np.float32)
    for cells in (3, 7, 15, 31):
        coarse = rng.normal(size=(cells, cells, 3)).astype(np.float32)
        coarse = 0.3 * coarse + 0.7 * coarse.mean(axis=2, keepdims=True)  # mostly gray
        field += cv2.resize(coarse, (size, size), interpolation=cv2.INTER_CUBIC) * rng.uniform(0.3, 1)
    return rng.uniform(20, 90) + rng.uniform(10, 30) * field


def warp(rng: np.random.Generator, article: np.ndarray, scale: Tuple[float, float], angle: float) -> tuple:
    """Scale and rotate an article; returns its gray levels and its mask, cropped to the mask."""
    mask = binary_fill_holes(article > 24).astype(np.uint8)
    factor, side = rng.uniform(*scale), article.shape[0]
    out = int(np.ceil(side * factor * 1.5))
    matrix = cv2.getRotationMatrix2D(((side - 1) / 2, (side - 1) / 2), rng.uniform(-angle, angle), factor)
    matrix[:, 2] += (out - side) / 2
    gray = cv2.warpAffine(article, matrix, (out, out)).astype(np.float32)
    mask = cv2.warpAffine(mask * 255, matrix, (out, out)) > 127
    x1, y1, x2, y2 = tight_box(mask)
    return gray[y1 : y2 + 1, x1 : x2 + 1], mask[y1 : y2 + 1, x1 : x2 + 1]


def tight_box(mask: np.ndarray) -> Tuple[int, int, int, int]:
    """First and last column and row of a mask, inclusive: x1, y1, x2, y2."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return columns[0], rows[0], columns[-1], rows[-1]


def paint(rng: np.random.Generator, image: np.ndarray, gray: np.ndarray, mask: np.ndarray, x: int, y: int) -> None:
    """Put the masked pixels on the image, with random brightness and a light tint."""
    color = rng.uniform(0.7, 1.0) * rng.uniform(0.85, 1.0, size=3)
    view = image[y : y + mask.shape[0], x : x + mask.shape[1]]
    view[mask] = gray[mask][:, None] * color


def compose(
    rng: np.random.Generator,
    articles: np.ndarray,
    labels: np.ndarray,
    size: int = 112,
    count: Tuple[int, int] = (3, 8),
    scale: Tuple[float, float] = (0.8, 1.5),
    angle: float = 20,
    scraps: int = 4,
) -> Scene:
    """Compose one scene.

    Args:
        rng (np.random.Generator): Source of every choice.
        articles (np.ndarray): uint8, (N, 28, 28).
        labels (np.ndarray): (N, ).
        size (int): Height and width in pixels, at least 72, which the largest article needs.
        count (tuple): Fewest and most articles. One that finds no place is left out.
        scale (tuple): Smallest and largest scale of an article.
        angle (float): Largest rotation in degrees, either way.
        scraps (int): Unlabeled pieces of articles in the background, at most.
    """
    image = texture(rng, size)
    for _ in range(rng.integers(scraps + 1)):
        gray, mask = warp(rng, articles[rng.integers(len(articles))], scale, 180)
        height, width = max(4, mask.shape[0] // 3), max(4, mask.shape[1] // 3)
        gray, mask = gray[:height, :width], mask[:height, :width]
        paint(rng, image, gray, mask, *rng.integers(0, size - np.array(mask.shape[::-1]) + 1))
    owner, areas, shown = np.zeros((size, size), np.int64), [], []
    for _ in range(rng.integers(count[0], count[1] + 1)):
        index = rng.integers(len(articles))
        gray, mask = warp(rng, articles[index], scale, angle)
        for _ in range(10):
            x, y = rng.integers(0, size - np.array(mask.shape[::-1]) + 1)
            trial = owner.copy()
            trial[y : y + mask.shape[0], x : x + mask.shape[1]][mask] = len(areas) + 1
            visible = np.bincount(trial.ravel(), minlength=len(areas) + 2)[1:-1]
            if np.all(visible >= MIN_VISIBLE * np.array(areas)):
                paint(rng, image, gray, mask, x, y)
                owner = trial
                areas.append(mask.sum())
                shown.append(labels[index])
                break
    image += rng.normal(scale=5, size=image.shape)
    boxes = np.array([tight_box(owner == i + 1) for i in range(len(areas))]).reshape(-1, 4)
    return Scene(np.clip(image, 0, 255).astype(np.uint8), owner, np.array(shown), boxes)


def write_xml(file: Path, scene: Scene) -> None:
    """Write a VOC annotation; VOC counts pixels from 1."""
    height, width, depth = scene.image.shape
    lines = [f'<annotation><filename>{file.stem}.jpg</filename>']
    lines.append(f'<size><height>{height}</height><width>{width}</width><depth>{depth}</depth></size>')
    for label, (x1, y1, x2, y2) in zip(scene.labels, scene.boxes + 1):
        box = f'<xmin>{x1}</xmin><ymin>{y1}</ymin><xmax>{x2}</xmax><ymax>{y2}</ymax>'
        name = f'<name>{CLASSES[label]}</name>'
        lines.append(f'<object>{name}<difficult>0</difficult><bndbox>{box}</bndbox></object>')
    file.write_text('\n'.join([*lines, '</annotation>\n']))


def coco(scenes: List[Scene], names: List[str]) -> dict:
    """COCO's annotations of the scenes; boxes are x, y, width, height."""
    images = [
        dict(id=i, file_name=f'{name}.jpg', height=scene.image.shape[0], width=scene.image.shape[1])
        for i, (scene, name) in enumerate(zip(scenes, names))
    ]
    annotations: List[dict] = []
    for i, scene in enumerate(scenes):
        for number, (label, (x1, y1, x2, y2)) in enumerate(zip(scene.labels.tolist(), scene.boxes.tolist()), start=1):
            box, area = [x1, y1, x2 - x1 + 1, y2 - y1 + 1], int((scene.owner == number).sum())
            annotations.append(dict(id=len(annotations), image_id=i, category_id=label, bbox=box, area=area, iscrowd=0))
    categories = [dict(id=i, name=name) for i, name in enumerate(CLASSES)]
    return dict(images=images, annotations=annotations, categories=categories)


def load_articles(source: Path, split: str) -> Tuple[np.ndarray, np.ndarray]:
    """Images (N, 28, 28) and labels (N, ) of a split of Fashion-MNIST.

    Raises:
        FileNotFoundError: The files are not there.
    """
    names = [name.removesuffix('.gz') for name, _ in FashionMNIST.train_list + FashionMNIST.test_list]
    missing = [name for name in names if not (source / name).is_file()]
    if missing:
        raise FileNotFoundError(
            f'--source {source} lacks {", ".join(missing)}. '
            'Run: python tools/dataset_converters/prepare_fashion_mnist.py'
        )
    options = dict(test_mode=split == 'test', pipeline=[], serialize_data=False)
    items = FashionMNIST(data_root=str(source), split=split, **options).data_list
    return np.stack([item['img'] for item in items]), np.array([int(item['gt_label']) for item in items])


def write(out: Path, split: str, scenes: List[Scene], with_coco: bool) -> None:
    """Write the scenes of a split; the list of its images comes last, so a split that has it is complete."""
    for folder in ('JPEGImages', 'Annotations', 'ImageSets/Main', *(('annotations',) if with_coco else ())):
        (out / folder).mkdir(parents=True, exist_ok=True)
    names = [f'{split}_{i:05d}' for i in range(len(scenes))]
    for name, scene in zip(names, scenes):
        cv2.imwrite(str(out / 'JPEGImages' / f'{name}.jpg'), scene.image, [cv2.IMWRITE_JPEG_QUALITY, 95])
        write_xml(out / 'Annotations' / f'{name}.xml', scene)
    if with_coco:
        (out / 'annotations' / f'instances_{split}.json').write_text(json.dumps(coco(scenes, names)))
    (out / 'ImageSets/Main' / f'{split}.txt').write_text('\n'.join(names) + '\n')


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--source', type=Path, default=Path('data/fashion-mnist'), help='folder of Fashion-MNIST')
    parser.add_argument('--out', type=Path, default=Path('data/fashion-scenes'))
    parser.add_argument('--train', type=natural, default=240, help='number of train scenes')
    parser.add_argument('--test', type=natural, default=1000, help='number of test scenes')
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--coco', action='store_true', help='write COCO annotation files as well')
    args = parser.parse_args()

    for number, (split, source) in enumerate(SPLITS.items()):
        articles, labels = load_articles(args.source, source)
        amount = dict(trainval=args.train, test=args.test)[split]
        scenes = [compose(np.random.default_rng([args.seed, number, i]), articles, labels) for i in range(amount)]
        write(args.out, split, scenes, args.coco)
        print(f'{args.out}: {amount} {split} scenes with {sum(len(scene.labels) for scene in scenes)} articles')


if __name__ == '__main__':
    main()
