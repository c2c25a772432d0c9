import math

import pytest
from scipy import stats

from mmhssakd.utils.statistics import paired_difference, summarise


def test_summary():
    assert summarise([1.0, 2.0, 3.0]) == dict(mean=2.0, std=1.0, count=3)
    assert math.isnan(summarise([1.0])['std'])


def test_paired_difference_is_the_paired_t_interval():
    ours, base = [5.0, 7.0, 6.5], [4.0, 6.5, 5.0]
    interval = stats.ttest_rel(ours, base).confidence_interval(0.95)
    found = paired_difference(ours, base)
    assert found['mean'] == pytest.approx(1.0)
    assert (found['low'], found['high']) == (pytest.approx(interval.low), pytest.approx(interval.high))


def test_unpaired():
    with pytest.raises(ValueError, match='3 and 2'):
        paired_difference([1, 2, 3], [1, 2])
