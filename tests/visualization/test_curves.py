import numpy as np
import pytest

from mmhssakd.experiments.runs import find_runs, group_runs
from mmhssakd.visualization.curves import plot_curves


@pytest.fixture
def groups(runs):
    return group_runs(find_runs([runs]))


def test_a_panel_for_every_metric_with_all_runs(groups):
    figure = plot_curves(groups)
    panels = {axis.get_ylabel(): axis for axis in figure.axes if axis.get_visible()}
    assert list(panels) == [
        'accuracy/top1 (%)',
        'loss',
        'loss_task (nats)',
        'loss_kl_q (nats)',
        'acc_p (%)',
        'acc_q1 (%)',
        'acc_q2 (%)',
        'acc_q3 (%)',
    ]
    assert all(axis.get_xlabel() == 'training (epochs)' for axis in panels.values())
    lines = {line.get_label(): line for line in panels['accuracy/top1 (%)'].lines}
    np.testing.assert_allclose(lines['ce_r8 (2 seeds)'].get_ydata(), [73.5, 77.5])  # the mean of the seeds
    np.testing.assert_allclose(lines['teacher'].get_ydata(), [84.0, 88.0])
    assert {line.get_label() for line in panels['acc_q1 (%)'].lines} == {'teacher', 'hssakd_r8 (2 seeds)'}
    assert len({line.get_color() for line in lines.values()}) == 3
    assert [text.get_text() for text in figure.legends[0].get_texts()] == list(lines)


def test_seeds_of_other_lengths_are_single_lines(groups):
    ce = next(group for group in groups if group.name == 'ce_r8')
    ce.runs[1].lines = ce.runs[1].lines[:3]
    axis = plot_curves([ce], ['accuracy/top1']).axes[0]
    assert [list(line.get_ydata()) for line in axis.lines] == [[73.0, 77.0], [74.0]]


def test_unknown_metric(groups):
    with pytest.raises(KeyError, match='no run has logged acc_q9; there are: .*acc_q1'):
        plot_curves(groups, ['acc_q9'])
    for run in groups[0].runs:
        run.lines = []
    with pytest.raises(KeyError, match='logged nothing yet'):
        plot_curves(groups[:1])
