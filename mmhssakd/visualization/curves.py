"""Curves of several runs in one picture, a panel for every metric."""

from typing import List, Sequence

from matplotlib.figure import Figure

from mmhssakd.experiments.runs import Group, with_unit
from .style import look, new_figure


def all_metrics(groups: Sequence[Group]) -> List[str]:
    """What the runs logged: validation first, then losses, then the rest."""
    runs = [run for group in groups for run in group.runs]
    validation, training = ([name for run in runs for name in run.metrics(training)] for training in (False, True))
    return list(dict.fromkeys([*validation, *sorted(training, key=lambda name: not name.startswith('loss'))]))


def plot_curves(groups: Sequence[Group], columns: int = 4) -> Figure:
    """Draw all that was logged over the course of training: a panel for every metric, a color for every group.

    Raises:
        ValueError: The runs have logged nothing yet.
    """
    metrics = all_metrics(groups)
    if not metrics:
        raise ValueError('the runs have logged nothing yet.')
    columns = min(columns, len(metrics))
    figure, axes = new_figure(-(-len(metrics) // columns), columns, (3.6, 2.7))
    lines = {}
    for axis, metric in zip(axes.flat, metrics):
        for i, group in enumerate(groups):
            for run in group.runs:
                x, y = run.curve(metric)
                style = look(i) if len(x) <= 12 else dict(look(i), marker='')
                if x:
                    (lines[group.name],) = axis.plot(x, y, lw=1.5, ms=4, label=group.name, **style)
        axis.set(xlabel=f'training ({groups[0].runs[0].unit})', ylabel=with_unit(metric))
        axis.grid(alpha=0.3)
    for axis in axes.flat[len(metrics) :]:
        axis.set_visible(False)
    figure.legend(list(lines.values()), list(lines), loc='outside upper left', ncols=4, frameon=False)
    return figure
