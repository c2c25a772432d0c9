import json
import sys
from pathlib import Path

import benchmark_transfer
import pytest

from mmhssakd.experiments import random_start

ROOT = Path(__file__).parents[2]
OUT = '-a b, c\'d"e [f]=ä'  # what a folder may be called


def call(monkeypatch, *options):
    monkeypatch.setattr(sys, 'argv', ['benchmark_transfer.py', 'probe.py', *options])
    benchmark_transfer.main()


@pytest.fixture
def probe(trainer, tmp_path):
    backbone = "model = dict(backbone=dict(frozen_stages=3, norm_eval=True, init_cfg=dict(checkpoint='x')))"
    (tmp_path / 'probe.py').write_text(f'train_cfg = dict(max_epochs=4)\n{backbone}')
    for name in ('ce', 'kd_0', 'kd_1'):
        (tmp_path / f'{name}.pth').touch()


def test_a_sweep_over_starts(monkeypatch, probe, capsys, tmp_path):
    arms = ['--arm', 'random=random', '--arm', 'CE=ce.pth', '--arm', 'KD=kd_{seed}.pth']
    call(monkeypatch, *arms, '--seeds', '0', '1', f'--work-dir={OUT}', '--cfg-options', 'train_cfg.max_epochs=2')
    results = json.loads(Path(OUT, 'sweep.json').read_text())
    assert [(r['name'], r['seed']) for r in results] == [
        (name, seed) for seed in (0, 1) for name in ('random', 'CE', 'KD')
    ]
    start = {
        'model.backbone.init_cfg': 'None',
        'model.backbone.frozen_stages': '-1',
        'model.backbone.norm_eval': 'False',
    }
    assert results[0]['options'] == {'train_cfg.max_epochs': '2', **start}
    assert results[5]['options'] == {'train_cfg.max_epochs': '2', 'model.backbone.init_cfg.checkpoint': 'kd_1.pth'}
    assert (
        '| KD (2 seeds) | 42.50 ± 0.71 | 41.50 ± 0.71 | +2.00 (+2.00 to +2.00) |' in Path(OUT, 'sweep.md').read_text()
    )
    assert Path(OUT, 'sweep.md').read_text().splitlines()[-1] in capsys.readouterr().out


def test_a_random_start_thaws_what_the_config_freezes():
    start = random_start(str(ROOT / 'configs/detection/faster-rcnn_r18_fpn_voc0712.py'))
    assert start == {
        'model.backbone.init_cfg': None,
        'model.backbone.frozen_stages': -1,
        'model.backbone.norm_eval': False,
    }


@pytest.mark.parametrize(
    'options, message',
    [
        (['--arm', 'CE=none.pth'], '--arm CE: no such checkpoint: none.pth'),
        (['--arm', 'CE'], '--arm wants NAME=CHECKPOINT'),
        (['--arm', 'KD=ce.pth'], '--baseline CE: the arms are KD'),
    ],
)
def test_user_mistakes(monkeypatch, probe, capsys, options, message):
    with pytest.raises(SystemExit):
        call(monkeypatch, *options, '--work-dir', 'out')
    assert message in capsys.readouterr().err and not Path('out').exists()
