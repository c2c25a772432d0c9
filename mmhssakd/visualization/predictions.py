"""What the classifiers of finished runs say to test images, and pictures of it."""

from dataclasses import dataclass, field
from typing import Dict, Iterable, List, NamedTuple, Optional, Sequence, Tuple

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.figure import Figure
from mmengine.config import Config
from mmengine.dataset import default_collate
from mmengine.model import BaseModel
from mmengine.registry import DefaultScope
from mmpretrain.evaluation import ConfusionMatrix

from mmhssakd.apis import get_model
from mmhssakd.experiments.runs import Run
from mmhssakd.models.classifiers import SSAClassifier
from mmhssakd.registry import DATASETS
from .style import RIGHT, WRONG, new_figure, show_image


class Images(NamedTuple):
    """Some images of a config: samples as the pipeline packs them, their classes (B, ), names of the classes."""

    data: List[dict]
    labels: torch.Tensor
    classes: Sequence[str]

    def normalized(self, model: BaseModel, start: int = 0, stop: Optional[int] = None) -> torch.Tensor:
        """Images as a model sees them, (B, C, H, W), on its device."""
        return model.data_preprocessor(default_collate(self.data[start:stop]), training=False)['inputs']

    def pixels(self, chosen: Iterable[int]) -> torch.Tensor:
        """Chosen images as they were read, (B, 3, H, W), gray ones too."""
        pixels = torch.stack([self.data[i]['inputs'] for i in chosen])
        return pixels.repeat_interleave(3 // pixels.shape[1], 1)


@dataclass
class Answers:
    """Logits of a network for some images.

    Args:
        name (str): The network's.
        logits (Tensor): Of p on the images alone, (B, N).
        joint_logits (list[Tensor]): Of each q_l on all views, (B, M, N * M); empty without branches.
    """

    name: str
    logits: torch.Tensor
    joint_logits: List[torch.Tensor] = field(default_factory=list)

    def accuracy(self, labels: torch.Tensor) -> Dict[str, float]:
        """Top-1 of p, and of each q_l for class and view together and for the class alone, in percent."""
        found = {'p': percent(self.logits.argmax(1) == labels)}
        for i, logits in enumerate(self.joint_logits, start=1):
            views = logits.shape[1]
            joint = labels[:, None] * views + torch.arange(views)
            classes = logits.softmax(2).unflatten(2, (-1, views)).sum(3)
            found[f'q{i}'] = percent(logits.argmax(2) == joint)
            found[f'q{i} class'] = percent(classes.argmax(2) == labels[:, None])
        return found


def percent(right: torch.Tensor) -> float:
    """Share of what is true, in percent."""
    return 100 * right.float().mean().item()


def load_images(config: Config, amount: int, split: str = 'test') -> Images:
    """Take up to so many images out of a config's 'train', 'val' or 'test' data, evenly over the whole set."""
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        dataset = DATASETS.build(config[f'{split}_dataloader'].dataset)
        chosen = np.linspace(0, len(dataset) - 1, min(amount, len(dataset))).round().astype(int)
        data = [dataset[int(i)] for i in chosen]
    labels = torch.cat([sample['data_samples'].gt_label for sample in data])
    classes = dataset.metainfo.get('classes') or [str(i) for i in range(int(labels.max()) + 1)]
    return Images(data, labels, list(classes))


def networks_of(run: Run, name: str) -> Dict[str, BaseModel]:
    """The classifiers that a run trained, by name: one, or its peers.

    Raises:
        FileNotFoundError: The run has no checkpoint.
    """
    model = get_model(run.config, pretrained=str(run.checkpoint))
    if not hasattr(model, 'peers'):
        return {name: model}
    for peer in model.peers:
        peer.data_preprocessor = model.data_preprocessor
    return {f'{name}, peer {i}': peer for i, peer in enumerate(model.peers)}


@torch.no_grad()
def ask(model: BaseModel, images: Images, name: str = '', batch_size: int = 100) -> Answers:
    """Classify images, and their views where the network has branches."""
    model.eval()
    parts: List[Tuple[torch.Tensor, ...]] = []
    for start in range(0, len(images.data), batch_size):
        inputs = images.normalized(model, start, start + batch_size)
        if isinstance(model, SSAClassifier):
            logits, joint = model.forward_views(model.make_views(inputs))
        else:
            logits, joint = model(inputs), []
        parts.append(tuple(rows.cpu().unflatten(0, (len(inputs), -1)) for rows in (logits, *joint)))
    whole = [torch.cat(rows) for rows in zip(*parts)]
    return Answers(name, whole[0][:, 0], whole[1:])


def plot_confusion(answer: Answers, images: Images) -> Figure:
    """mmpretrain's confusion matrix, in percent of each true class."""
    matrix = ConfusionMatrix.calculate(answer.logits, images.labels)
    percents = (100 * matrix / matrix.sum(1, keepdim=True).clamp(min=1)).round().int()
    figure = ConfusionMatrix.plot(percents, len(images.classes) <= 12, 'cividis', images.classes, show=False)
    plt.close(figure)  # it registers the figure, and does not forget it
    figure.set_size_inches(5.5, 5.5)
    figure.axes[0].set_title(f'{answer.name}: {percent(answer.logits.argmax(1) == images.labels):.1f} %')
    figure.axes[0].tick_params('x', rotation=90)
    figure.tight_layout()
    return figure


def displayed(pixels: torch.Tensor) -> np.ndarray:
    """Images (B, 3, H, W) as they are read, BGR, as RGB pictures (B, H, W, 3) of numbers from 0 to 1."""
    return (pixels.flip(1) / 255).permute(0, 2, 3, 1).numpy()


def plot_predictions(said: Sequence[Answers], images: Images, amount: int = 7) -> Figure:
    """Some images, a row for every network: the class that it gives. Those come first on which the networks differ."""
    found = torch.stack([answer.logits.argmax(1) for answer in said])
    chosen = (found == found[0]).all(0).int().argsort(stable=True)[:amount].tolist()
    figure, axes = new_figure(len(said), len(chosen), (1.5, 1.7))
    for row, answer, classes in zip(axes, said, found):
        row[0].set_ylabel(answer.name, fontsize=9)
        for axis, i, pixels in zip(row, chosen, displayed(images.pixels(chosen))):
            right = classes[i] == images.labels[i]
            title = images.classes[int(classes[i])] + (
                ' ✓' if right else f' ✗\n({images.classes[int(images.labels[i])]})'
            )
            show_image(axis, pixels, title, RIGHT if right else WRONG)
    return figure


@torch.no_grad()
def plot_views(model: BaseModel, images: Images) -> Figure:
    """The views of images, a row for each, as a network with branches is trained on them."""
    pictures = displayed(model.make_views(images.pixels(range(len(images.data)))))
    figure, axes = new_figure(len(images.data), model.num_views, (2.1, 2.3))
    for row, axis in enumerate(axes.flat):
        image, view = divmod(row, model.num_views)
        name = f'{90 * view}°' if type(model.views).__name__ == 'RotateViews' else f'view {view}'
        show_image(axis, pictures[row], f'{images.classes[int(images.labels[image])]}, {name}')
    return figure
