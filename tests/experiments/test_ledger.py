"""Final results are kept in a file of the repository, and such trials never run again."""

import json
import shutil
from pathlib import Path

import pytest

from mmhssakd.experiments import make_sweep
from mmhssakd.experiments.launch import LocalLauncher
from mmhssakd.experiments.ledger import read_ledger
from mmhssakd.experiments.screen import Screen

LEDGER = Path('kept/ledger.jsonl')
ARMS = {
    'teacher': {'seed': 0, 'folder': 'teacher', 'top1': 80},
    'CE': {},
    'KD': {'needs': {'model.teacher.checkpoint': 'teacher'}, 'top1': 50, 'final': {'top1': 49}},
}


def run(seeds=(0,), arms=ARMS, ledger=LEDGER):
    made = dict(title='A title', work_dir='sweep', config='config.py', options={}, baseline=['CE'], final={'top1': 30})
    sweep = make_sweep(dict(made, arms=arms), seeds, ledger=ledger)
    with Screen(False) as screen:
        return sweep.run(LocalLauncher(1), screen), sweep


def started(said: str) -> list:
    return [line.split(',')[0] for line in said.splitlines() if ': started' in line]


def test_kept_trials_do_not_run_again(trainer, capsys):
    results, sweep = run()
    assert [r['metrics']['accuracy/top1'] for r in results] == [80, 30, 49]  # a shared trial has no final options
    kept = [json.loads(line) for line in LEDGER.read_text().splitlines()]
    assert [{**r, 'checkpoint': ''} for r in results] == [{**r, 'checkpoint': ''} for r in kept]
    assert all('checkpoint' not in r and r['hash'] and r['commit'] is not None and r['seed'] == 0 for r in kept)
    shutil.rmtree('sweep')
    capsys.readouterr()
    again, sweep = run()
    assert again == kept and not started(capsys.readouterr().out) and not Path('sweep').exists()
    assert 'KD' in sweep.write(again)


def test_a_result_that_the_ledger_lost_is_kept_again(trainer, capsys):
    run()
    LEDGER.write_text(''.join(LEDGER.read_text().splitlines(keepends=True)[:1]))  # killed before it was written
    capsys.readouterr()
    run()
    assert not started(capsys.readouterr().out) and len(read_ledger(LEDGER)) == 3


def test_what_others_wait_for_runs_again(trainer, capsys):
    run()
    shutil.rmtree('sweep')
    before = LEDGER.read_text()
    capsys.readouterr()
    run(seeds=(0, 1))
    assert started(capsys.readouterr().out) == ['teacher', 'CE', 'KD']  # the last two of seed 1
    assert LEDGER.read_text().startswith(before) and len(read_ledger(LEDGER)) == 5


def test_other_settings_are_other_trials(trainer, capsys):
    run()
    capsys.readouterr()
    run(arms={**ARMS, 'CE': {'other': 1}})
    assert started(capsys.readouterr().out) == ['CE']
    shutil.rmtree('sweep')
    capsys.readouterr()
    results, _ = run(ledger=None)  # not final: other options, and nothing is kept
    assert started(capsys.readouterr().out) == ['teacher', 'CE', 'KD'] and len(read_ledger(LEDGER)) == 4
    assert [r['metrics']['accuracy/top1'] for r in results] == [80, 40, 50]


@pytest.mark.parametrize('text', ['{"name"', '{"name": "CE"}', '3'])
def test_damaged(tmp_path, text):
    (tmp_path / 'ledger.jsonl').write_text('{"hash": "a"}\n' + text)
    with pytest.raises(ValueError, match=r'ledger.jsonl, line 2 is no result of a trial'):
        read_ledger(tmp_path / 'ledger.jsonl')
