"""Damaged inputs of every kind, and command lines, some of each; tests/slow/fuzz_inputs.py tries many more."""

import command_lines
import fuzzing
import pytest


@pytest.mark.parametrize('kind', fuzzing.KINDS)
def test_damage_is_named_or_makes_sense(kind, tmp_path):
    outcomes = fuzzing.fuzz(kind, tmp_path, count=24)
    assert set(outcomes) <= {'refused', 'same', 'other'} and outcomes['refused'] > 3


def test_command_lines():
    outcomes = command_lines.fuzz(count=400)
    assert set(outcomes) == {'refused', 'same', 'other'} and outcomes['same'] > 180 < sum(outcomes.values()) / 2
