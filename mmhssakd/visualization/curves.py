"""Curves of several runs in one picture, a panel for every metric."""

from typing import Any, Dict, List, Optional, Sequence

import numpy as np
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


def draw_group(axis: Any, group: Group, metric: str, i: int) -> None:
    """One line for a group, the mean of its seeds, within the band from the lowest to the highest of them."""
    curves = [curve for curve in (run.curve(metric) for run in group.runs) if curve[0]]
    if not curves:
        return
    style = look(i)
    if len(curves[0][0]) > 12:
        style.pop('marker')
    if any(x != curves[0][0] for x, _ in curves):  # seeds that were logged at other steps cannot be averaged
        for j, (x, y) in enumerate(curves):
            axis.plot(x, y, lw=1.2, ms=4, label=group.name if not j else None, **style)
        return
    values = np.array([y for _, y in curves])
    label = group.name if len(curves) == 1 else f'{group.name} ({len(curves)} seeds)'
    axis.plot(curves[0][0], values.mean(0), lw=1.5, ms=4, label=label, **style)
    if len(curves) > 1:
        axis.fill_between(curves[0][0], values.min(0), values.max(0), color=style['color'], alpha=0.2, lw=0)


def plot_curves(groups: Sequence[Group], metrics: Optional[Sequence[str]] = None, columns: int = 4) -> Figure:
    """Draw metrics over the course of training.

    Args:
        groups (Sequence[Group]): Runs, grouped.
        metrics (Sequence[str], optional): Names as they are logged. Defaults to all that were.
        columns (int): Panels side by side.

    Returns:
        Figure: One panel a metric, one colour a group; the mean of the seeds and the band of all of them.

    Raises:
        KeyError: No run has logged a metric that is asked for.
    """
    known = all_metrics(groups)
    unknown = sorted(set(metrics or ()) - set(known))
    if unknown:
        raise KeyError(f'no run has logged {", ".join(unknown)}; there are: {", ".join(known)}')
    metrics = list(metrics or known)
    if not metrics:
        raise KeyError('the runs have logged nothing yet.')
    columns = min(columns, len(metrics))
    figure, axes = new_figure(-(-len(metrics) // columns), columns, (3.6, 2.7))
    unit = groups[0].runs[0].unit
    for axis, metric in zip(axes.flat, metrics):
        for i, group in enumerate(groups):
            draw_group(axis, group, metric, i)
        axis.set(xlabel=f'training ({unit})', ylabel=with_unit(metric))
        axis.grid(alpha=0.3)
    for axis in axes.flat[len(metrics) :]:
        axis.set_visible(False)
    entries: Dict[str, Any] = {}
    for axis in axes.flat:
        for handle, label in zip(*axis.get_legend_handles_labels()):
            entries.setdefault(label, handle)
    figure.legend(list(entries.values()), list(entries), loc='outside upper left', ncols=4, frameon=False)
    return figure
