"""What detectors find in test images, beside the ground truth."""

from typing import Any, Sequence

import matplotlib.image as mpimg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from mmdet.apis import inference_detector
from mmdet.structures.bbox import get_box_tensor
from mmengine.registry import DefaultScope
from mmengine.structures import InstanceData

from mmhssakd.apis import get_model
from mmhssakd.experiments.runs import Group
from mmhssakd.registry import DATASETS
from .style import WRONG, new_figure, show_image


def draw_boxes(axis: Any, things: InstanceData, classes: Sequence[str]) -> None:
    """Draw named boxes into an image's axes, with their scores if they have any."""
    for thing in things:
        x1, y1, x2, y2 = get_box_tensor(thing.bboxes)[0].tolist()
        name = classes[int(thing.labels)] + (f' {thing.scores.item():.2f}' if 'scores' in thing else '')
        axis.add_patch(Rectangle((x1, y1), x2 - x1, y2 - y1, fill=False, color=WRONG, lw=1.2))
        axis.text(x1, y1, name, size=6, color='white', va='bottom', bbox=dict(pad=0.5, lw=0, color=(0, 0, 0, 0.6)))


def plot_detections(groups: Sequence[Group], amount: int = 4, threshold: float = 0.5) -> Figure:
    """Some test images: the ground truth, and what each group's first detector finds above a score.

    Args:
        groups (Sequence[Group]): Detection runs on the same test data.
        amount (int): Images, one a row.
        threshold (float): Lowest score of a box that is drawn, from 0 to 1.

    Raises:
        FileNotFoundError: A run has no checkpoint, or its test data are not there.
    """
    runs = [group.runs[0] for group in groups]
    with DefaultScope.overwrite_default_scope('mmdet'):
        dataset = DATASETS.build(runs[0].config.test_dataloader.dataset)
        samples = [dataset[i]['data_samples'] for i in range(min(amount, len(dataset)))]
        files = [sample.img_path for sample in samples]
        models = [get_model(run.config, pretrained=str(run.checkpoint)) for run in runs]
        found = [[image.pred_instances for image in inference_detector(model, files)] for model in models]
    truth = [sample.gt_instances for sample in samples]
    figure, axes = new_figure(len(files), 1 + len(groups), (2.8, 2.8))
    for column, title, things in zip(axes.T, ['ground truth', *(group.name for group in groups)], [truth, *found]):
        for axis, file, boxes in zip(column, files, things):
            show_image(axis, mpimg.imread(file), title)
            boxes = boxes[boxes.scores >= threshold] if 'scores' in boxes else boxes
            draw_boxes(axis, boxes, dataset.metainfo['classes'])
    return figure
