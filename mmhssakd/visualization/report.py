"""One page about several runs."""

from contextlib import contextmanager
from pathlib import Path
from typing import Dict, Iterator, List, Optional, Sequence

from mmengine.model import BaseModel

from mmhssakd.experiments.runs import Group, differing_settings
from mmhssakd.experiments.table import build_table
from mmhssakd.models import HSSAKD
from . import page
from .curves import plot_curves
from .detections import plot_detections
from .predictions import Answers, Images, ask, load_images, networks_of, plot_confusion, plot_views, teacher_of

ABOUT = 'Runs that differ in the seed alone form one group. What needs a network shows the first run of each group.'
CURVES = 'Every logged loss term and accuracy over training'
DETECTIONS = 'Test images: ground truth, then what each detector finds with a score of at least 0.5'
BRANCHES = (
    'Top-1 of p on the images; of each branch q on all views, for class and view together, and for the class alone'
)
SETTINGS = 'Config keys that are not the same in all groups; an empty cell is a key that is not set'


class Report:
    """Sections of a page, from headings to their parts. What cannot be made is skipped, and said."""

    def __init__(self) -> None:
        self.sections: Dict[str, List[str]] = {}
        self.skipped: List[str] = []

    @contextmanager
    def part(self, heading: str, what: str) -> Iterator[List[str]]:
        """Parts of a section, to append to; an error within the ``with`` block becomes a note."""
        parts = self.sections.setdefault(heading, [])
        try:
            yield parts
        except (FileNotFoundError, ValueError, KeyError, RuntimeError) as error:
            self.skipped.append(f'{what}: {error}')
            parts.append(page.note(f'Skipped: {error}'))


def write_report(
    groups: Sequence[Group],
    out: Path,
    images: int = 1000,
    baseline: Optional[str] = None,
    examples: int = 5,
    title: str = '',
) -> List[str]:
    """Write the page.

    Args:
        groups (Sequence[Group]): The runs, grouped.
        out (Path): File to write.
        images (int): Test images to ask the classifiers about. 0 skips all that needs images.
        baseline (str, optional): Name of the group to compare the others with.
        examples (int): Images to show one by one.
        title (str): Heading. Defaults to the names of the groups.

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
    report = Report()
    classifiers = [group for group in groups if not group.is_detector]
    detectors = [group for group in groups if group.is_detector]
    kinds = [kind for kind in (classifiers, detectors) if kind]  # what they log and are set to differs throughout
    report.sections['Results'] = [results_table(kind, baseline) for kind in kinds]
    for kind in kinds:
        with report.part('Curves of ' + ', '.join(group.name for group in kind), CURVES) as part:
            part.append(page.picture(plot_curves(kind), CURVES))
    if images and classifiers:
        add_answers(report, classifiers, images, examples)
    if images and detectors:
        with report.part('Detections', 'detections') as part:
            part.append(page.picture(plot_detections(detectors, examples), DETECTIONS))
    report.sections['Runs'] = [runs_table(groups)]
    report.sections['Settings that differ'] = [settings_table(kind) for kind in kinds]
    title = title or 'Report of ' + ', '.join(group.name for group in groups)
    out.write_text(page.html(title, ABOUT, report.sections))
    return report.skipped


def results_table(groups: Sequence[Group], baseline: Optional[str]) -> str:
    """Last validation of every group: mean, standard deviation, and difference to the baseline."""
    runs = [(group.name, run) for group in groups for run in group.runs]
    results = [dict(name=name, seed=run.seed, metrics=run.final()) for name, run in runs if run.final()]
    if not results:
        return page.note('No run was validated yet.')
    caption = 'Last validation: mean ± standard deviation over the seeds'
    return page.table(*build_table(results, [baseline] if baseline else []), caption)


def runs_table(groups: Sequence[Group]) -> str:
    """Which runs there are, and how far they got."""
    rows = []
    for group in groups:
        for run in group.runs:
            steps = max((line.get('step', 0) for line in run.lines), default=0)
            rows.append([group.name, str(run.seed), str(steps), str(run.work_dir)])
    return page.table(['group', 'seed', 'steps', 'work dir'], rows, 'The runs on this page')


def settings_table(groups: Sequence[Group]) -> str:
    """Settings in which the groups differ, folded."""
    rows = [[key, *values] for key, values in differing_settings(groups).items()]
    if not rows:
        return page.note(f'{groups[0].name} is alone of its kind, so no settings differ.')
    names = [group.name for group in groups]
    return page.folded(f'{len(rows)} settings of {", ".join(names)}', page.table(['setting', *names], rows, SETTINGS))


def add_answers(report: Report, groups: Sequence[Group], amount: int, examples: int) -> None:
    """Confusion matrices of classifiers, accuracy of their branches, and what one of them says to some images."""
    heading = 'Answers on test images'
    with report.part(heading, 'answers') as part:
        images = load_images(groups[0].runs[0].config, amount)
        networks: Dict[str, BaseModel] = {}
        for group in groups:
            networks |= networks_of(group.runs[0], group.name)
        taught = next((group.runs[0] for group in groups if group.runs[0].config.model.get('teacher')), None)
        if taught and Path(taught.config.model.teacher.checkpoint).parent.name not in networks:
            with report.part(heading, 'teacher'):
                networks['teacher'] = teacher_of(taught)
        said = [ask(model, images, name) for name, model in networks.items()]
        for answer in said:
            caption = f'Confusion matrix of {answer.name}, in % of each true class, on {len(images.data)} test images'
            part.append(page.picture(plot_confusion(answer, images), f'{caption}, evenly taken from the test set'))
        branched = [answer.name for answer in said if answer.joint_logits]
        if branched:
            shown = max(branched, key=lambda name: isinstance(networks[name], HSSAKD))  # the first of equals
            part.append(accuracy_table(said, images))
            caption = f'What {shown} says to views: true class and view, then the answers of p and the last branch'
            part.append(page.picture(plot_views(networks[shown], images, examples), caption))


def accuracy_table(said: Sequence[Answers], images: Images) -> str:
    """Accuracy of p and of every branch."""
    found = [answer.accuracy(images.labels) for answer in said]
    keys = list(dict.fromkeys(key for each in found for key in each))
    rows = [[answer.name, *(f'{each[k]:.1f}' if k in each else '' for k in keys)] for answer, each in zip(said, found)]
    return page.table(['network', *(f'{key} (%)' for key in keys)], rows, BRANCHES)
