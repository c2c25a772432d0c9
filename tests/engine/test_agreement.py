"""Processes with different code or configs are refused."""

import pytest
from mmengine.config import Config

from mmhssakd.engine import agreement
from mmhssakd.engine.agreement import check_agreement

CFG = dict(model=dict(teacher=dict(config='/home/a/configs/teacher.py'), tau=3.0))


@pytest.fixture(autouse=True)
def two_processes(monkeypatch):
    monkeypatch.setattr(agreement, 'get_world_size', lambda: 2)


def gather(monkeypatch, **other: str):
    """Let there be another process that says the same, but for some of it."""
    monkeypatch.setattr(agreement, 'all_gather_object', lambda own: [own, dict(own, host='b', **other)])
    monkeypatch.setattr(agreement.socket, 'gethostname', lambda: 'a')


@pytest.mark.parametrize('what', ['code', 'config'])
def test_both_hashes_are_named(what, monkeypatch):
    gather(monkeypatch, **{what: '123456789abc'})
    with pytest.raises(ValueError, match=rf'differ in their {what}: [0-9a-f]{{12}} on a, 123456789abc on b'):
        check_agreement(Config(CFG))


def test_what_is_compared(monkeypatch):
    said = []
    monkeypatch.setattr(agreement, 'all_gather_object', lambda own: said.append(own) or [own])
    for model in (CFG['model'], dict(CFG['model'], teacher=dict(config='/b/teacher.py')), dict(CFG['model'], tau=4.0)):
        check_agreement(Config(dict(model=model)))
    assert said[0]['config'] == said[1]['config'] != said[2]['config']  # where a checkout lies does not matter
    assert said[0]['code'] == said[1]['code']
