"""One page about several runs."""

import re
from pathlib import Path
from typing import Any, Dict, List, Sequence

from mmengine.model import BaseModel

from mmhssakd.experiments.answer import answer
from mmhssakd.experiments.runs import Group, differing_settings
from mmhssakd.experiments.table import build_table
from . import page, predictions
from .curves import all_metrics, plot_cost, plot_curve
from .detections import plot_detections

CURVES = ('loss', 'acc_p', 'loss_bbox')  # shown at once, beside what is validated first


def write_report(
    groups: Sequence[Group],
    out: Path,
    images: int = 1000,
    baseline: Sequence[str] = (),
    examples: int = 5,
    title: str = '',
    results: bool = True,
) -> List[str]:
    """Write the page.

    Args:
        groups (Sequence[Group]): The runs, grouped.
        out (Path): File to write.
        images (int): Test images to ask the classifiers about. 0 skips all that needs images.
        baseline (Sequence[str]): Names of groups to compare the others with.
        examples (int): Images to show one by one.
        title (str): Heading. Defaults to the data and the names of the groups.
        results (bool): Whether the groups were trained long enough to be compared in a table. Defaults to True.

    Returns:
        list[str]: What was skipped, and why; the page says the same.

    Raises:
        FileNotFoundError: The folder of ``out`` does not exist.
        KeyError: A baseline is no group's name.
    """
    if not out.resolve().parent.is_dir():
        raise FileNotFoundError(f'no such folder to write to: {out.resolve().parent}')
    names = [group.name for group in groups]
    for name in set(baseline) - set(names):
        raise KeyError(f'no group is called {name!r}; there are: {", ".join(names)}')
    sections: Dict[str, List[str]] = {}
    skipped = []
    for heading in ('Classifiers', 'Detectors'):  # what they log and are set to differs throughout
        kind = [group for group in groups if group.is_detector == (heading == 'Detectors')]
        answers = detections_of if heading == 'Detectors' else answers_of
        parts: List[str] = []
        makers: List[Any] = [(answers, images, examples), (curves_of,), (settings_of,)]
        for make, *args in [(results_of, baseline), *makers] if results else makers:
            try:
                parts += make(kind, *args) if kind and (images or make is not answers) else []
            except (FileNotFoundError, ValueError, KeyError, RuntimeError) as error:
                skipped.append(f'{heading}: {error}')
                parts.append(page.paragraph(f'Skipped: {error}'))
        sections |= {heading: parts} if parts else {}
    rows = [[group.name, str(run.seed), str(run.work_dir)] for group in groups for run in group.runs]
    runs = page.table(['group', 'seed', 'work dir'], rows, 'Pictures and settings are of the first run of each group')
    sections['Runs'] = [page.folded(f'{len(rows)} runs', runs)]
    out.write_text(page.html(title or title_of(groups), sections))
    return skipped


def title_of(groups: Sequence[Group]) -> str:
    """Test data and groups in words: 'Fashion-MNIST: CE, KD, HSSAKD'; of detectors only if they are alone."""
    groups = [group for group in groups if not group.is_detector] or groups
    data = groups[0].runs[0].config.get('test_dataloader') or {}
    while 'dataset' in data:
        data = data['dataset']
    name = re.sub('(?<=[a-z])(?=[A-Z]{2})', '-', data.get('type', 'Runs').split('.')[-1])
    name = Path(data['data_root']).name if name.endswith(('Dataset', 'Folder')) and data.get('data_root') else name
    names = ', '.join(group.name.replace('_', ' ') for group in groups)
    return f'{name}: ' + re.sub(r'\b(ce|kd|hssakd)\b', lambda found: found[0].upper(), names)


def results_of(groups: Sequence[Group], baseline: Sequence[str]) -> List[str]:
    """The answer in one sentence; the table of the last validation beside accuracy over cost."""
    runs = [(group.name, run) for group in groups for run in group.runs if run.final()]
    if not runs:
        raise ValueError('no run was validated yet.')
    results = [dict(name=name, seed=run.seed, metrics=run.final(), **run.speed) for name, run in runs]
    sides = [page.table(*build_table(results, baseline), 'Last validation: mean ± standard deviation over the seeds')]
    if all(result['seconds'] for result in results):
        sides.append(
            page.picture(plot_cost(results), 'Reached, over the cost: means over the seeds, ± one standard deviation')
        )
    return [page.paragraph(answer(results, baseline), 'answer'), page.row(sides)]


def curves_of(groups: Sequence[Group]) -> List[str]:
    """Two or three curves, and all others folded."""
    metrics = all_metrics(groups)
    if not metrics:
        raise ValueError('the runs have logged no curve yet.')
    pictures = {metric: page.picture(plot_curve(groups, metric), f'{metric} over training') for metric in metrics}
    shown = page.row(pictures.pop(metric) for metric in dict.fromkeys([metrics[0], *CURVES]) if metric in pictures)
    return [shown, page.folded(f'{len(pictures)} more curves', page.row(pictures.values()))]


def settings_of(groups: Sequence[Group]) -> List[str]:
    """Settings in which the groups differ, folded."""
    rows = [[key, *values] for key, values in differing_settings(groups).items()]
    table = page.table(['setting', *(group.name for group in groups)], rows, 'An empty cell is a key that is not set')
    return [page.folded(f'{len(rows)} settings that differ', table)]


def detections_of(groups: Sequence[Group], amount: int, examples: int) -> List[str]:
    """What detectors find in some images."""
    caption = 'Test images: ground truth, then what each detector finds with a score of at least 0.5'
    return [page.picture(plot_detections(groups, min(amount, examples)), caption, wide=True)]


def answers_of(groups: Sequence[Group], amount: int, examples: int) -> List[str]:
    """What classifiers say to some images; folded, confusion matrices and accuracy of branches."""
    images = predictions.load_images(groups[0].runs[0].config, amount)
    networks: Dict[str, BaseModel] = {}
    for group in groups:
        networks |= predictions.networks_of(group.runs[0], group.name)
    said = [predictions.ask(model, images, name) for name, model in networks.items()]
    caption = 'Test images, and the class that each network gives them; first those on which the networks differ'
    shown = page.picture(predictions.plot_predictions(said, images, examples), caption, wide=True)
    found = [each.accuracy(images.labels) for each in said]
    keys = list(dict.fromkeys(key for each in found for key in each))
    rows = [[each.name, *(f'{own[k]:.1f}' if k in own else '' for k in keys)] for each, own in zip(said, found)]
    accuracies = page.table(
        ['network', *(f'{key} (%)' for key in keys)], rows, 'Top-1: of p; of branches q, for class and view'
    )
    matrix = 'Confusion matrix of {}, in % of each true class'
    matrices = [page.picture(predictions.plot_confusion(each, images), matrix.format(each.name)) for each in said]
    caption = f'Confusion matrices and accuracy of branches, on {len(images.data)} test images'
    return [shown, page.folded(caption, page.row(matrices) + accuracies)]
