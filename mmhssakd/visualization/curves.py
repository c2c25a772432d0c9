"""Curves of several runs over training, and what they reached over what it cost."""

from typing import List, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from mmhssakd.experiments.runs import Group, with_unit
from mmhssakd.experiments.table import columns_of, split
from .style import look, new_figure


def all_metrics(groups: Sequence[Group]) -> List[str]:
    """What the runs logged more than once: validation first, then losses, then the rest."""
    runs = [run for group in groups for run in group.runs]
    validation, training = ([name for run in runs for name in run.metrics(training)] for training in (False, True))
    names = dict.fromkeys([*validation, *sorted(training, key=lambda name: not name.startswith('loss'))])
    return [name for name in names if any(len(run.curve(name)[0]) > 1 for run in runs)]


def plot_curve(groups: Sequence[Group], metric: str) -> Figure:
    """Draw a metric over the course of training: a line for every run, a color for every group."""
    figure, ((axis,),) = new_figure(1, 1, (3.7, 3.2))
    lines = {}
    for i, group in enumerate(groups):
        for run in group.runs:
            x, y = run.curve(metric)
            style = look(i) if len(x) <= 12 else dict(look(i), marker='')
            if x:
                (lines[group.name],) = axis.plot(x, y, lw=1.5, ms=4, label=group.name, **style)
    axis.set(xlabel=f'training ({groups[0].runs[0].unit})', ylabel=with_unit(metric))
    axis.grid(alpha=0.3)
    figure.legend(list(lines.values()), list(lines), loc='outside upper left', ncols=2, frameon=False, fontsize=8)
    return figure


def plot_cost(results: Sequence[dict]) -> Figure:
    """Draw the main metric over the seconds of the training steps: a point for every name, bars of one deviation."""
    metric = columns_of(results)[0]
    figure, ((axis,),) = new_figure(1, 1, (4.6, 3.4))
    costs = []
    for i, (name, arm) in enumerate(split(results, 'name').items()):
        values = [result['metrics'][metric] for result in arm if metric in result['metrics']]
        costs.append(np.mean([result['seconds'] for result in arm]))
        deviation = np.std(values, ddof=1) if len(values) > 1 else None
        axis.errorbar(costs[-1], np.mean(values), deviation, label=name, capsize=4, **{**look(i), 'linestyle': ''})
    if max(costs) > 5 * min(costs):
        axis.set_xscale('log')
        axis.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.xaxis.set(major_formatter='{x:g}', minor_formatter=NullFormatter())
    axis.set(xlabel='seconds of training steps', ylabel=with_unit(metric))
    axis.grid(alpha=0.3)
    figure.legend(loc='outside upper left', ncols=2, frameon=False, fontsize=9)
    return figure
