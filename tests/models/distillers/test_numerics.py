"""Steps of training equal those of the method in plain float64 torch (tests/slow/numerics.py has a thousand)."""

from pathlib import Path

import plain_method
import pytest


@pytest.fixture
def numerics(monkeypatch):
    monkeypatch.syspath_prepend(Path(__file__).parents[2] / 'slow')
    import numerics

    return numerics


@pytest.mark.parametrize('kind', ['student', 'online'])
def test_twenty_steps(numerics, kind, tmp_path):
    found = numerics.compare(kind, 20, tmp_path)
    assert max(found['worst'].values()) < 1e-9, found
    assert all(abs(found['last'][name] / value - 1) > 1e-3 for name, value in found['first'].items()), 'it learns'


@pytest.mark.parametrize('name, value', [('TAU', 3.001), ('views', lambda x: x.repeat_interleave(4, 0))])
def test_another_method_is_noticed(numerics, name, value, tmp_path, monkeypatch):
    monkeypatch.setattr(plain_method, name, value)
    assert numerics.compare('student', 1, tmp_path)['worst']['gradients'] > 1e-5
