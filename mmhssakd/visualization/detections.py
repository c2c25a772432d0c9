"""What detectors find in test images, beside the ground truth."""

from typing import Any, List, Sequence, Tuple

import matplotlib.image as mpimg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from mmdet.apis import inference_detector
from mmengine.registry import DefaultScope

from mmhssakd.apis import get_model
from mmhssakd.experiments.runs import Group
from mmhssakd.registry import DATASETS
from .style import WRONG, new_figure, show_image

Box = Tuple[str, float, float, float, float]  # what, x1, y1, x2, y2 in pixels


def draw_boxes(axis: Any, boxes: Sequence[Box]) -> None:
    """Draw named boxes into an image's axes."""
    for name, x1, y1, x2, y2 in boxes:
        axis.add_patch(Rectangle((x1, y1), x2 - x1, y2 - y1, fill=False, color=WRONG, lw=1.2))
        axis.text(x1, y1, name, size=6, color='white', va='bottom', bbox=dict(pad=0.5, lw=0, color=(0, 0, 0, 0.6)))


def find(group: Group, files: List[str], threshold: float) -> List[List[Box]]:
    """What the first detector of a group finds in image files, above a score."""
    run = group.runs[0]
    model = get_model(run.config, pretrained=str(run.checkpoint))
    classes = model.dataset_meta['classes']
    with DefaultScope.overwrite_default_scope('mmdet'):
        found = [image.pred_instances for image in inference_detector(model, files)]
    return [
        [
            (f'{classes[int(label)]} {score:.2f}', *box.tolist())
            for label, score, box in zip(image.labels, image.scores, image.bboxes)
            if score >= threshold
        ]
        for image in found
    ]


def plot_detections(groups: Sequence[Group], amount: int = 4, threshold: float = 0.5) -> Figure:
    """Some test images: the ground truth, and what each group's first detector finds above a score.

    Args:
        groups (Sequence[Group]): Detection runs on the same test data.
        amount (int): Images, one a row.
        threshold (float): Lowest score of a box that is drawn, from 0 to 1.

    Raises:
        FileNotFoundError: A run has no checkpoint, or its test data are not there.
    """
    with DefaultScope.overwrite_default_scope('mmdet'):
        dataset = DATASETS.build(groups[0].runs[0].config.test_dataloader.dataset)
    classes = dataset.metainfo['classes']
    infos = [dataset.get_data_info(i) for i in range(min(amount, len(dataset)))]
    files = [info['img_path'] for info in infos]
    columns = [
        (
            'ground truth',
            [[(classes[thing['bbox_label']], *thing['bbox']) for thing in info['instances']] for info in infos],
        )
    ]
    columns += [(group.name, find(group, files, threshold)) for group in groups]
    figure, axes = new_figure(len(files), len(columns), (2.8, 2.8))
    for column, (title, boxes) in enumerate(columns):
        for axis, file, things in zip(axes[:, column], files, boxes):
            show_image(axis, mpimg.imread(file), title)
            draw_boxes(axis, things)
    return figure
