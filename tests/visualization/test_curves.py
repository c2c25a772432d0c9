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
    lines = panels['accuracy/top1 (%)'].lines
    named = {line.get_label(): line.get_color() for line in lines if line.get_label()[0] != '_'}
    of = {label: [line for line in lines if line.get_color() == color] for label, color in named.items()}
    np.testing.assert_allclose([line.get_ydata() for line in of['ce_r8']], [[73.0, 77.0], [74.0, 78.0]])
    np.testing.assert_allclose(of['teacher'][0].get_ydata(), [84.0, 88.0])
    shown = {line.get_label() for line in panels['acc_q1 (%)'].lines}
    assert shown == {'teacher', 'hssakd_r8'} | {label for label in shown if label[0] == '_'}
    assert [text.get_text() for text in figure.legends[0].get_texts()] == list(of) == ['ce_r8', 'hssakd_r8', 'teacher']


def test_runs_that_logged_nothing(groups):
    for run in groups[0].runs:
        run.lines = []
    with pytest.raises(ValueError, match='logged nothing yet'):
        plot_curves(groups[:1])
