"""The quickstart's second half: the students as backbones of detectors, on scenes of Fashion-MNIST articles."""

import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Dict, List

import matplotlib
from arms import ROOT, Arm, run_all, write_table

matplotlib.use('Agg')
import matplotlib.pyplot as plt  # noqa: E402

CONFIG = 'configs/detection/faster-rcnn_r8_fpn_fashion-scenes.py'
METRICS = ('pascal_voc/mAP', 'pascal_voc/AP50')
EPOCHS_QUICK = 4
SCENES = {False: (240, 250), True: (80, 50)}  # train and test scenes, by --quick


def make_scenes(out: Path, quick: bool) -> None:
    """Make the scenes, unless they are there.

    Raises:
        SystemExit: The scene maker failed.
    """
    lists = [out / f'ImageSets/Main/{split}.txt' for split in ('trainval', 'test')]
    if all(file.is_file() and len(file.read_text().split()) == amount for file, amount in zip(lists, SCENES[quick])):
        return
    train, test = SCENES[quick]
    tool = ROOT / 'tools/dataset_converters/make_fashion_scenes.py'
    code = subprocess.run(
        [sys.executable, str(tool), '--out', str(out), '--train', str(train), '--test', str(test)]
    ).returncode
    if code:
        sys.exit(f'the scene maker stopped with exit status {code}.')


def detection_arms(work_dir: Path, seeds: List[int], students: List[Arm], quick: bool) -> List[Arm]:
    """A detector from every student, and one from a random start, for every seed."""
    shared = {'data_root': work_dir / 'scenes'}
    if quick:
        shared |= {
            'train_cfg.max_epochs': EPOCHS_QUICK,
            'train_cfg.val_interval': EPOCHS_QUICK,
            'param_scheduler.0.total_steps': EPOCHS_QUICK,
            'param_scheduler.0.end': EPOCHS_QUICK,
            'default_hooks.checkpoint.interval': EPOCHS_QUICK,
        }
    arms = []
    for seed in seeds:
        starts: Dict[str, dict] = {'random': {'model.backbone.init_cfg': None}}
        starts |= {
            student.name: {'model.backbone.init_cfg.checkpoint': student.checkpoint}
            for student in students
            if student.seed == seed
        }
        arms += [
            Arm(
                name, CONFIG, work_dir / f'seed_{seed}' / f'detector_{name.lower()}', seed, METRICS, {**shared, **start}
            )
            for name, start in starts.items()
        ]
    return arms


def ground_truth(file: Path) -> List[tuple]:
    """Name and x1, y1, x2, y2 of every object in a VOC annotation."""
    return [
        (thing.find('name').text, *(float(corner.text) - 1 for corner in thing.find('bndbox')))
        for thing in ET.parse(file).findall('object')
    ]


def draw(arms: List[Arm], scenes: Path, file: Path, count: int = 4, threshold: float = 0.5) -> None:
    """Draw the first test scenes: ground truth, then what each detector finds above a score."""
    from mmdet.apis import inference_detector, init_detector

    names = (scenes / 'ImageSets/Main/test.txt').read_text().split()[:count]
    images = [scenes / 'JPEGImages' / f'{name}.jpg' for name in names]
    columns = {'ground truth': [ground_truth(scenes / 'Annotations' / f'{name}.xml') for name in names]}
    for arm in arms:
        model = init_detector(next(arm.work_dir.glob('*.py')).as_posix(), str(arm.checkpoint), device='cpu')
        classes = model.dataset_meta['classes']
        found = [image.pred_instances for image in inference_detector(model, [str(image) for image in images])]
        columns[arm.name] = [
            [
                (f'{classes[int(label)]} {score:.2f}', *box.tolist())
                for label, score, box in zip(image.labels, image.scores, image.bboxes)
                if score >= threshold
            ]
            for image in found
        ]
    figure, axes = plt.subplots(
        count, len(columns), figsize=(3 * len(columns), 3 * count), layout='constrained', squeeze=False
    )
    for column, (title, boxes) in enumerate(columns.items()):
        axes[0, column].set_title(title)
        for axis, image, things in zip(axes[:, column], images, boxes):
            axis.imshow(plt.imread(image))
            axis.axis('off')
            for name, x1, y1, x2, y2 in things:
                axis.add_patch(plt.Rectangle((x1, y1), x2 - x1, y2 - y1, fill=False, color='#F0E442'))
                axis.text(x1, y1, name, size=7, color='white', va='bottom', bbox=dict(pad=0.5, color=(0, 0, 0, 0.5)))
    figure.savefig(file, dpi=110)
    plt.close(figure)


def detection(work_dir: Path, seeds: List[int], students: List[Arm], quick: bool, jobs: int = 1) -> str:
    """Make the scenes, train and evaluate the detectors, write table and picture.

    Args:
        work_dir (Path): The quickstart's folder.
        seeds (list[int]): Seeds; the students of each are needed.
        students (list[Arm]): The finished runs that give the backbones.
        quick (bool): Fewer scenes and epochs.
        jobs (int): Runs at a time.

    Returns:
        str: The table, in Markdown.
    """
    make_scenes(work_dir / 'scenes', quick)
    arms = detection_arms(work_dir, seeds, students, quick)
    results = run_all(arms, jobs)
    table = write_table(results, ('CE', 'KD'), work_dir / 'detection', scale=100)
    draw([arm for arm in arms if arm.seed == seeds[0]], work_dir / 'scenes', work_dir / 'detection.png')
    return table
