"""Arms train as long as equal FLOPs pay for; prices count the teacher, and kept outputs once."""

import json
import sys

import benchmark_budget as tool
import numpy as np
import pytest
import tiny_job

from mmhssakd import apis
from mmhssakd.experiments import read_sweep


def test_price_of_kept_crops():
    plain, kept = tool.Price(10, 2, 3, 0), tool.Price(10, 2, 3, 4)
    assert plain.of(5) == 10 * (5 * 2 + 5 * 3)
    assert kept.of(1) == plain.of(1) and kept.of(1000) == pytest.approx(10 * (1000 * 2 + 4 * 3))
    met = np.mean([len(set(draw)) for draw in np.random.RandomState(0).randint(4, size=(20000, 3))])
    assert kept.of(3) == pytest.approx(10 * (3 * 2 + met * 3), rel=1e-2)
    for price in (plain, kept):
        assert price.epochs(price.of(7)) == 7 and price.epochs(price.of(7) - 1) == 6
        assert price.epochs(price.of(1) - 1) == 0


@pytest.fixture
def file(tmp_path, monkeypatch):
    """A sweep of CE, KD and KD with kept outputs on the tiny job; trials start a stand-in for train.py."""
    monkeypatch.chdir(tmp_path)
    tiny_job.prepare(tmp_path, workers=0, seed=0)
    (tmp_path / 'home/tools').mkdir(parents=True)
    (tmp_path / 'home/tools/train.py').symlink_to(tiny_job.ROOT / 'tests/helpers/stand_in.py')
    monkeypatch.setattr(apis, 'home', lambda: tmp_path / 'home')
    (tmp_path / 'kd.py').write_text(
        "_base_ = './epochs.py'\nmodel = dict(auxiliary_neck=None, views=None)\ntrain_dataloader = dict(drop_last=True)"
    )
    (tmp_path / 'kept.py').write_text(
        "_base_ = './kd.py'\nmodel = dict(teacher=dict(cache='kept.npy'))\n"
        "train_dataloader = dict(dataset=dict(_delete_=True, type='mmhssakd.FixedCrops', crops=2, "
        'dataset=_base_.train_dataloader.dataset))'
    )
    (tmp_path / 'ce.py').write_text(
        "_base_ = './kd.py'\nmodel = dict(_delete_=True, type='ImageClassifier', **{k: _base_.model[k] for k in "
        "('backbone', 'neck', 'head')})"
    )
    arms = {
        'teacher': {'config': 'ce.py', 'seed': 0, 'folder': 'teacher', 'top1': 80},
        'CE': {'config': 'ce.py'},
        'KD': {'config': 'kd.py', 'needs': {'model.teacher.checkpoint': 'teacher'}, 'top1': 50},
        'kept': {'config': 'kept.py', 'needs': {'model.teacher.checkpoint': 'teacher'}, 'top1': 60},
        'HSSAKD': {
            'config': 'epochs.py',
            'needs': {'model.teacher.checkpoint': 'teacher'},
            'top1': 55,
            'seeds': [1, 2],
        },
    }
    made = dict(title='A title', work_dir='sweep', config='epochs.py', baseline=['KD'], seeds=[0, 1, 2], arms=arms)
    (tmp_path / 'sweep.json').write_text(json.dumps(made))
    return tmp_path / 'sweep.json'


def test_a_sweep_at_budgets(file, monkeypatch, capsys):
    monkeypatch.setattr(sys, 'argv', ['benchmark_budget.py', str(file), '--budgets', '1', '16', '--rounds', '1'])
    tool.main()
    said = capsys.readouterr().out
    rows = {(row['name'], row['budget']): row for row in json.loads((file.parent / 'sweep/budget.json').read_text())}
    assert 'HSSAKD: a budget of 1 does not pay for one epoch.' in said
    assert rows.keys() == {(n, b) for n in ('CE', 'KD', 'kept', 'HSSAKD') for b in (1, 16)} - {('HSSAKD', 1)}
    unit = rows['CE', 1]['flops']
    assert rows['CE', 1]['epochs'] == 3 and rows['CE', 16]['epochs'] == 48  # the config's, and 16 times these
    for (_, budget), row in rows.items():
        assert 0.4 * budget * unit < row['flops'] <= 1.001 * budget * unit and row['seconds'] > 0
    assert rows['kept', 16]['epochs'] > rows['KD', 16]['epochs'] > rows['HSSAKD', 16]['epochs'] > 0
    assert rows['kept', 16]['values'] == [60, 61, 64] and rows['kept', 16]['differences'] == [
        '+10.00 (+10.00 to +10.00)'
    ]
    assert rows['KD', 16]['differences'] == ['']
    # two of the seeds, compared with KD's on these
    assert rows['HSSAKD', 16]['values'] == [56, 59] and rows['HSSAKD', 16]['differences'] == ['+5.00 (+5.00 to +5.00)']
    page = (file.parent / 'sweep/budget.html').read_text()
    assert '<h1>A title</h1>' in page and 'Budget 16: kept: +10.00 points over KD (95 % interval' in page
    assert page.count('<img') == 1 and page.count('<tr>') == 1 + len(rows)
    for part in ('| 16 | kept (3 seeds) | ', '| budget | arm | epochs | PFLOP | seconds | accuracy/top1 (%) |'):
        assert part in (file.parent / 'sweep/budget.md').read_text() and part in said
    assert (file.parent / 'sweep/budget.png').stat().st_size > 10000
    trials = {path.parent.name: json.loads(path.read_text()) for path in (file.parent / 'sweep').rglob('trial.json')}
    options = trials['KD,_x16']['options']
    lengths = {options[key] for key in ('train_cfg.max_epochs', 'param_scheduler.end', 'param_scheduler.total_steps')}
    assert lengths == {str(rows['KD', 16]['epochs'])}


def test_one_arm_and_a_peer(file, monkeypatch, capsys):
    arguments = ['benchmark_budget.py', str(file), '--budgets', '2', '--rounds', '1', '--arms', 'KD', '--seeds', '0']
    monkeypatch.setattr(sys, 'argv', [*arguments, '--peers', 'peers.json'])
    (file.parent / 'peers.json').write_text(json.dumps([dict(name='another', flops=1e9, values=[40, 42])]))
    figures, draw = [], tool.draw
    monkeypatch.setattr(tool, 'draw', lambda rows: figures.append(draw(rows)) or figures[0])
    tool.main()
    assert [text.get_text() for text in figures[0].legends[0].get_texts()] == ['front', 'KD', 'another']
    (row,) = json.loads((file.parent / 'sweep/budget.json').read_text())
    assert row['name'] == 'KD' and len(row['values']) == 1 and row['differences'] == ['']
    assert read_sweep(file)['arms'].keys() > {'CE'}


@pytest.mark.parametrize(
    'options, said',
    [
        (['--arms', 'KD', 'nothing'], '--arms: nothing is none of CE, KD, kept, HSSAKD.'),
        (['--peers', 'none.json'], 'none.json'),
        (['--budgets', '0.01'], 'kept: a budget of 0.01 does not pay for one epoch.'),
    ],
)
def test_nothing_to_train(file, monkeypatch, capsys, options, said):
    monkeypatch.setattr(sys, 'argv', ['benchmark_budget.py', str(file), '--rounds', '1', *options])
    with pytest.raises(SystemExit) as stop:
        tool.main()
    assert said in f'{stop.value}\n{capsys.readouterr().out}'
    assert not (file.parent / 'sweep').exists()
