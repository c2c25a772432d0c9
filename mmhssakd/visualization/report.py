"""One page about several runs."""

from pathlib import Path
from typing import Any, Callable, List, Optional, Sequence

from matplotlib.figure import Figure

from mmhssakd.experiments.runs import Group, differing_settings
from mmhssakd.experiments.table import build_table
from mmhssakd.models import HSSAKD
from . import page
from .cam import plot_cams
from .curves import plot_curves
from .detections import plot_detections
from .predictions import Answers, Images, ask, load_images, networks_of, plot_confusion, plot_views, teacher_of

ABOUT = (
    'Runs whose settings differ in the seed alone form one group, with one color in the curves. '
    'What needs a network shows the first run of each group.'
)


def write_report(
    groups: Sequence[Group], out: Path, images: int = 1000, baseline: Optional[str] = None, examples: int = 5
) -> List[str]:
    """Write the page.

    Args:
        groups (Sequence[Group]): The runs, grouped.
        out (Path): File to write.
        images (int): Test images to ask the classifiers about. 0 skips all that needs images.
        baseline (str, optional): Name of the group to compare the others with.
        examples (int): Images to show one by one.

    Returns:
        list[str]: What was skipped, and why; the page says the same.

    Raises:
        FileNotFoundError: The folder of ``out`` does not exist.
        KeyError: No group is called ``baseline``.
    """
    if not out.resolve().parent.is_dir():
        raise FileNotFoundError(f'no such folder to write to: {out.resolve().parent}')
    if baseline is not None and baseline not in [group.name for group in groups]:
        raise KeyError(f'no group is called {baseline!r}; there are: {", ".join(group.name for group in groups)}')
    missing: List[str] = []

    def attempt(make: Callable[[], List[str]], what: str) -> List[str]:
        try:
            return make()
        except (FileNotFoundError, ValueError, KeyError, RuntimeError) as error:
            missing.append(f'{what}: {error}')
            return [page.note(f'Skipped: {error}')]

    def draw(plot: Callable[..., Figure], caption: str, *args: Any) -> List[str]:
        return attempt(lambda: [page.picture(plot(*args), caption)], caption.split(':')[0])

    sections = {'Results': [results_table(part, baseline) for part in by_metrics(groups)]}
    for part in by_metrics(groups):
        names = ', '.join(group.name for group in part)
        caption = 'Every logged loss term and accuracy over training'
        sections[f'Curves of {names}'] = draw(plot_curves, caption, part)
    classifiers = [group for group in groups if not group.is_detector]
    detectors = [group for group in groups if group.is_detector]
    if images and classifiers:
        made = attempt(lambda: answers(classifiers, images, examples, attempt, draw), 'answers')
        sections['Answers on test images'] = made
    if images and detectors:
        caption = 'Test images: ground truth, then what each detector finds with a score of at least 0.5'
        sections['Detections'] = draw(plot_detections, caption, detectors, examples)
    sections['Runs'] = [runs_table(groups)]
    sections['Settings that differ'] = [settings_table(part) for part in by_metrics(groups)]
    out.write_text(page.html('Report of ' + ', '.join(group.name for group in groups), ABOUT, sections))
    return missing


def by_metrics(groups: Sequence[Group]) -> List[List[Group]]:
    """Classifiers and detectors apart: they log different things."""
    parts = [
        [group for group in groups if group.is_detector == kind]
        for kind in (groups[0].is_detector, not groups[0].is_detector)
    ]
    return [part for part in parts if part]


def runs_table(groups: Sequence[Group]) -> str:
    """Which runs there are, and how far they got."""
    rows = [
        [group.name, str(run.seed), f'{max((line.get("step", 0) for line in run.lines), default=0)}', str(run.work_dir)]
        for group in groups
        for run in group.runs
    ]
    return page.table(['group', 'seed', 'steps', 'work dir'], rows, 'The runs on this page')


def settings_table(groups: Sequence[Group]) -> str:
    """Settings in which the groups differ."""
    table = differing_settings(groups)
    if not table:
        return page.note('There is one group only, so no settings differ.')
    return page.table(
        ['setting', *(group.name for group in groups)],
        [[key, *values] for key, values in table.items()],
        'Config keys that are not the same in all groups; an empty cell is a key that is not set',
    )


def results_table(groups: Sequence[Group], baseline: Optional[str]) -> str:
    """Last validation of every group: mean, standard deviation, and difference to the baseline."""
    results = [
        dict(name=group.name, seed=run.seed, metrics=run.final())
        for group in groups
        for run in group.runs
        if run.final()
    ]
    if not results:
        return page.note('No run was validated yet.')
    caption = 'Last validation: mean ± standard deviation over the seeds'
    return page.table(*build_table(results, [baseline] if baseline else []), caption)


def answers(
    groups: Sequence[Group],
    amount: int,
    examples: int,
    attempt: Callable[..., List[str]],
    draw: Callable[..., List[str]],
) -> List[str]:
    """Confusion matrices, accuracy of the branches, views and class activation maps of classifiers."""
    images = load_images(groups[0].runs[0].config, amount)
    networks = [network for group in groups for network in networks_of(group.runs[0], group.name)]
    parts: List[str] = []
    taught = next((group.runs[0] for group in groups if group.runs[0].config.model.get('teacher')), None)
    if taught and Path(taught.config.model.teacher.checkpoint).parent.name not in [n.name for n in networks]:

        def add_teacher() -> List[str]:
            networks.append(teacher_of(taught))
            return []

        parts += attempt(add_teacher, 'teacher')
    said = [ask(network, images) for network in networks]
    number = f'{len(images.data)} test images, evenly taken from the test set'
    for answer in said:
        caption = f'Confusion matrix of {answer.name}, in % of each true class, on {number}'
        parts += draw(plot_confusion, caption, answer, images)
    branched = [network for network, answer in zip(networks, said) if answer.joint_logits]
    if branched:
        shown = next((network for network in branched if isinstance(network.model, HSSAKD)), branched[0])
        caption = f'What {shown.name} sees and says: true class and view, then the answers of p and of the last branch'
        parts += [accuracy_table(said, images), *draw(plot_views, caption, shown, images, examples)]
    caption = 'Class activation maps: Grad-CAM of the last feature map for the true class, bright where it is found'
    return parts + draw(plot_cams, caption, networks, images, examples)


def accuracy_table(said: Sequence[Answers], images: Images) -> str:
    """Accuracy of p and of every branch."""
    found = [answer.accuracy(images.labels) for answer in said]
    keys = list(dict.fromkeys(key for each in found for key in each))
    rows = [
        [answer.name, *(f'{each[key]:.1f}' if key in each else '' for key in keys)] for answer, each in zip(said, found)
    ]
    return page.table(
        ['network', *(f'{key} (%)' for key in keys)],
        rows,
        'Top-1 of the main head p on the images; of each branch q on all views, for class and view '
        'together and for the class alone',
    )
