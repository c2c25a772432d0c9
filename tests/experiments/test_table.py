import math
import warnings

import pytest
from scipy import stats

from mmhssakd.experiments.table import build_table, markdown, paired


def results(**arms):
    return [
        dict(name=name, seed=seed, metrics={'accuracy/top1': value}, seconds=3.0, images_per_second=None)
        for name, values in arms.items()
        for seed, value in enumerate(values)
    ]


def test_paired_difference_is_the_paired_t_interval():
    rows = results(ours=[5.0, 7.0, 6.5], base=[4.0, 6.5, 5.0])
    half = stats.t.ppf(0.975, 2) * stats.sem([1.0, 0.5, 1.5])
    found = paired(rows[:3], rows[5:2:-1], 'accuracy/top1')  # by seed, not by order
    assert found == dict(mean=pytest.approx(1.0), low=pytest.approx(1 - half), high=pytest.approx(1 + half), seeds=3)
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        assert math.isnan(paired(rows[:1], rows[3:4], 'accuracy/top1')['low'])


def test_pairs_are_made_of_the_seeds_that_both_have():
    rows = results(ours=[5.0, 7.0, 6.5], base=[4.0, 6.5])
    assert paired(rows[:3], rows[3:], 'accuracy/top1') == paired(rows[:2], rows[3:], 'accuracy/top1')
    assert build_table(rows, ['base'])[1][0][2] == '+0.75 (-2.43 to +3.93)'
    assert build_table(rows[:1] + rows[3:], ['base'])[1][0][2] == ''  # one seed has no interval


def test_unpaired():
    rows = results(ours=[5.0, 7.0, 6.5], base=[4.0, 6.5])
    assert paired(rows[2:3], rows[3:], 'accuracy/top1') is None
    assert paired(rows[:2], rows[3:], 'accuracy/top5') is None
    assert paired([rows[0], rows[0]], rows[3:4], 'accuracy/top1') is None  # one seed, twice


def test_rows_and_differences():
    titles, rows = build_table(results(teacher=[90.0], CE=[50.0, 60.0, 61.0], KD=[52.0, 61.0, 64.0]), ['CE', 'none'])
    compared = 'accuracy/top1: difference to CE (95 % interval)'
    assert titles == ['trial', 'accuracy/top1 (%)', compared, 'seconds', 'images/s']
    assert rows == [
        ['teacher', '90.00', '', '3', ''],
        ['CE (3 seeds)', '57.00 ± 6.08', '', '3', ''],
        ['KD (3 seeds)', '59.00 ± 6.24', '+2.00 (-0.48 to +4.48)', '3', ''],
    ]
    assert markdown(['a', 'b'], [['c', 'd']]) == '| a | b |\n| --- | --- |\n| c | d |'


def test_other_seeds_have_no_difference():
    rows = results(CE=[50.0, 60.0], KD=[52.0, 61.0])
    rows[-1]['seed'] = 7
    assert build_table(rows, ['CE'])[1][1][2] == ''


def test_columns():
    logged = {'pascal_voc/AP50': 50.0, 'pascal_voc/mAP': 25.0, 'pascal_voc/AP75': 10.0}
    row = dict(name='a', seed=0, metrics=logged, metric='pascal_voc/mAP')
    assert build_table([row])[0] == ['trial', 'pascal_voc/mAP (%)', 'pascal_voc/AP50 (%)']
    row = dict(name='a', seed=0, metrics={'rmse': 0.12345})
    assert build_table([row]) == (['trial', 'rmse'], [['a', '0.1235']])
