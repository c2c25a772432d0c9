"""One page about several runs."""

from pathlib import Path
from typing import Callable, List, Optional, Sequence

from mmhssakd.experiments.runs import Group, differing_settings
from mmhssakd.experiments.table import build_table
from mmhssakd.models.distillers.mimicry import MimicryMixin
from . import page
from .cam import plot_cams
from .curves import plot_curves
from .detections import plot_detections
from .page import Page
from .predictions import (
    Answers,
    Images,
    Network,
    ask,
    load_images,
    networks_of,
    plot_branches,
    plot_confusion,
    plot_views,
    teacher_of,
)

ABOUT = (
    'Runs whose settings differ in the seed alone form one group. Curves show the mean of a group within the band '
    'from its lowest to its highest run; what needs a network shows the first run of each group.'
)


def write_report(
    groups: Sequence[Group], out: Path, images: int = 1000, baseline: Optional[str] = None, examples: int = 5
) -> List[str]:
    """Write the page.

    Args:
        groups (Sequence[Group]): The runs, grouped.
        out (Path): File to write.
        images (int): Test images to ask the classifiers about. 0 leaves out all that needs images.
        baseline (str, optional): Name of the group to compare the others with.
        examples (int): Images to show one by one.

    Returns:
        list[str]: What was left out, and why; the page says the same.

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
            return [page.note(f'Left out: {error}')]

    report = Page('Report of ' + ', '.join(group.name for group in groups), ABOUT)
    report.add('Runs', runs_table(groups))
    report.add('Settings that differ', settings_table(groups))
    report.add('Results', *(results_table(part, baseline) for part in by_metrics(groups)))
    for part in by_metrics(groups):
        report.add(
            'Curves' if part[0] is groups[0] else 'Curves of ' + part[0].name,
            page.picture(
                plot_curves(part),
                'Every logged loss term and accuracy over training: ' + ', '.join(g.name for g in part),
            ),
        )
    classifiers = [group for group in groups if not group.is_detector]
    detectors = [group for group in groups if group.is_detector]
    if images and classifiers:
        report.add(
            'Answers on test images', *attempt(lambda: answers(classifiers, images, examples, attempt), 'answers')
        )
    if images and detectors:
        report.add(
            'Detections',
            *attempt(
                lambda: [
                    page.picture(
                        plot_detections(detectors, examples),
                        'Test images: ground truth, then what each detector finds with a score of at least 0.5',
                    )
                ],
                'detections',
            ),
        )
    out.write_text(report.html())
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


def answers(groups: Sequence[Group], amount: int, examples: int, attempt: Callable) -> List[str]:
    """Confusion matrices, accuracy of the branches, views and class activation maps of classifiers."""
    images = load_images(groups[0].runs[0].config, amount)
    networks = [network for group in groups for network in networks_of(group.runs[0], group.name)]
    teacher: List[Network] = []
    parts = attempt(lambda: _find_teacher(groups, networks, teacher), 'teacher')
    everyone = [*networks, *teacher]
    said = [ask(network, images) for network in everyone]
    number = f'{len(images.data)} test images, evenly taken from the test set'
    parts += [
        page.picture(plot_confusion(answer, images), f'Confusion matrix of {answer.name} in % on {number}')
        for answer in said
    ]
    if any(answer.joint_logits for answer in said):
        parts += [
            accuracy_table(said, images),
            page.picture(plot_branches(said, images), f'Accuracy after each stage, on {number}'),
        ]
        branched = [network for network in everyone if getattr(network.model, 'auxiliary_neck', None)]
        shown = next((network for network in branched if isinstance(network.model, MimicryMixin)), branched[0])
        parts += [
            page.picture(
                plot_views(shown, images, examples),
                f'What {shown.name} sees and says: true class and '
                'view, then the answers of p and of the last branch, ✓ right or ✗ wrong',
            )
        ]
    parts += attempt(
        lambda: [
            page.picture(
                plot_cams(everyone, images, examples),
                'Class activation maps (Grad-CAM of the last feature map) for the true '
                'class: bright is where the network finds it',
            )
        ],
        'class activation maps',
    )
    return parts


def _find_teacher(groups: Sequence[Group], networks: Sequence[Network], teacher: List[Network]) -> List[str]:
    """Add the teacher of the first group that has one, unless its own run is on the page."""
    for group in groups:
        settings = group.runs[0].config.model.get('teacher')
        if settings and not any(network.name == Path(settings.checkpoint).parent.name for network in networks):
            found = teacher_of(group.runs[0])
            if found is not None:
                teacher.append(found)
            break
    return []


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
