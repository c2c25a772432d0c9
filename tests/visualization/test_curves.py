import numpy as np
import pytest

from mmhssakd.experiments.runs import find_runs, group_runs
from mmhssakd.visualization.curves import all_metrics, plot_cost, plot_curve


@pytest.fixture
def groups(runs):
    return group_runs(find_runs([runs]))


def test_what_was_logged(groups):
    assert all_metrics(groups) == [
        'accuracy/top1',
        'loss',
        'loss_task',
        'loss_kl_q',
        'acc_p',
        'acc_q1',
        'acc_q2',
        'acc_q3',
    ]
    for run in groups[0].runs:
        run.lines = run.lines[:1]
    assert all_metrics(groups[:1]) == []


def test_a_curve_for_every_run(groups):
    figure = plot_curve(groups, 'accuracy/top1')
    (axis,) = figure.axes
    assert (axis.get_xlabel(), axis.get_ylabel()) == ('training (epochs)', 'accuracy/top1 (%)')
    named = [text.get_text() for text in figure.legends[0].get_texts()]
    assert named == ['ce_r8', 'teacher', 'hssakd_r8']
    np.testing.assert_allclose([line.get_ydata() for line in axis.lines[:3]], [[73, 77], [74, 78], [84, 88]])
    assert axis.lines[0].get_color() == axis.lines[1].get_color() != axis.lines[2].get_color()
    named = [text.get_text() for text in plot_curve(groups, 'acc_q1').legends[0].get_texts()]
    assert named == ['teacher', 'hssakd_r8']


@pytest.mark.parametrize('longest, scale', [(40.0, 'linear'), (60.0, 'log')])
def test_accuracy_over_cost(longest, scale):
    rows = [('CE', 0, 50.0, 10.0), ('CE', 1, 54.0, 12.0), ('HSSAKD', 0, 60.0, longest)]
    results = [dict(name=n, seed=s, metrics={'accuracy/top1': top1}, seconds=cost) for n, s, top1, cost in rows]
    (axis,) = plot_cost(results).axes
    assert axis.get_xscale() == scale and axis.get_ylabel() == 'accuracy/top1 (%)'
    ce, hssakd = axis.containers
    assert [line.get_xydata().tolist() for line in (ce.lines[0], hssakd.lines[0])] == [[[11, 52]], [[longest, 60]]]
    np.testing.assert_allclose(ce.lines[2][0].get_segments()[0][:, 1], [52 - 8**0.5, 52 + 8**0.5])
    assert ce.has_yerr and not hssakd.has_yerr
