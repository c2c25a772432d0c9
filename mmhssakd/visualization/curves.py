"""Curves of several runs in one picture, a panel for every metric."""

from typing import List, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mmhssakd.experiments.runs import Group, with_unit
from .style import look, new_figure


def all_metrics(groups: Sequence[Group]) -> List[str]:
    """What the runs logged: validation first, then losses, then the rest."""
    runs = [run for group in groups for run in group.runs]
    validation = dict.fromkeys(name for run in runs for name in run.metrics(training=False))
    training = dict.fromkeys(name for run in runs for name in run.metrics(training=True))
    losses = [name for name in training if name.startswith('loss')]
    return [*validation, *losses, *(name for name in training if name not in losses and name not in validation)]


def draw_group(axis: Axes, group: Group, metric: str, i: int) -> None:
    """A line for every run of a group, in one color."""
    for j, run in enumerate(group.runs):
        x, y = run.curve(metric)
        style = look(i)
        if len(x) > 12:
            style.pop('marker')
        if x:
            axis.plot(x, y, lw=1.5, ms=4, label=None if j else group.name, **style)


def plot_curves(groups: Sequence[Group], columns: int = 4) -> Figure:
    """Draw all that was logged over the course of training: a panel for every metric, a color for every group.

    Args:
        groups (Sequence[Group]): Runs, grouped.
        columns (int): Panels side by side.

    Raises:
        ValueError: The runs have logged nothing yet.
    """
    metrics = all_metrics(groups)
    if not metrics:
        raise ValueError('the runs have logged nothing yet.')
    columns = min(columns, len(metrics))
    figure, axes = new_figure(-(-len(metrics) // columns), columns, (3.6, 2.7))
    for axis, metric in zip(axes.flat, metrics):
        for i, group in enumerate(groups):
            draw_group(axis, group, metric, i)
        axis.set(xlabel=f'training ({groups[0].runs[0].unit})', ylabel=with_unit(metric))
        axis.grid(alpha=0.3)
    for axis in axes.flat[len(metrics) :]:
        axis.set_visible(False)
    entries = {label: handle for axis in axes.flat for handle, label in zip(*axis.get_legend_handles_labels())}
    figure.legend(list(entries.values()), list(entries), loc='outside upper left', ncols=4, frameon=False)
    return figure
