import json
import sys
from pathlib import Path

import pytest
import torch
from mmengine.config import Config

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / 'tools'))
import arms as arms_module  # noqa: E402
import benchmark_transfer  # noqa: E402


@pytest.fixture
def started(monkeypatch, tmp_path):
    """train.py's place is taken: the calls are kept, and top-1 is given by arm and seed."""
    calls = []

    def run(self, threads=None):
        calls.append(self)
        value = {'random': 50, 'CE': 60, 'KD': 61 + self.seed}[self.name]
        return dict(
            name=self.name,
            seed=self.seed,
            seconds=1.0,
            images_per_second=2.0,
            metrics=dict.fromkeys(self.metrics, value),
        )

    monkeypatch.setattr(arms_module.Arm, 'run', run)
    monkeypatch.chdir(tmp_path)
    for seed in (0, 1):
        torch.save({}, tmp_path / f'kd_{seed}.pth')
    torch.save({}, tmp_path / 'ce.pth')
    return calls


def call(monkeypatch, *options):
    config = str(ROOT / 'configs/benchmarks/linear_fashion-mnist.py')
    monkeypatch.setattr(sys, 'argv', ['benchmark_transfer.py', config, *options])
    (Path('out')).mkdir(exist_ok=True)
    benchmark_transfer.main()


def test_arms_differ_in_one_option(monkeypatch, started, capsys):
    call(
        monkeypatch,
        '--arm',
        'random=random',
        '--arm',
        'CE=ce.pth',
        '--arm',
        'KD=kd_{seed}.pth',
        '--seeds',
        '0',
        '1',
        '--work-dir',
        'out',
        '--cfg-options',
        'train_cfg.max_epochs=2',
    )
    order = [(name, seed) for seed in (0, 1) for name in ('random', 'CE', 'KD')]
    assert [(arm.name, arm.seed) for arm in started] == order
    assert started[0].options == {'train_cfg.max_epochs': 2, 'model.backbone.init_cfg': None}
    assert started[5].options == {'train_cfg.max_epochs': 2, 'model.backbone.init_cfg.checkpoint': 'kd_1.pth'}
    rows = {row['name']: row for row in json.loads(Path('out/transfer.json').read_text())['rows']}
    assert rows['KD']['differences']['CE']['mean'] == 1.5 and rows['random']['differences']['CE']['mean'] == -10
    assert rows['KD']['metrics']['accuracy/top1'] == dict(mean=61.5, std=pytest.approx(0.7071, abs=1e-4), count=2)
    table = Path('out/transfer.md').read_text()
    assert '| KD | 61.50 ± 0.71 | +1.50 (-4.85 to +7.85) |' in table and table in capsys.readouterr().out


@pytest.mark.parametrize(
    'options, message',
    [
        (['--arm', 'CE=none.pth'], '--arm CE: no such checkpoint: none.pth'),
        (['--arm', 'CE'], '--arm wants NAME=CHECKPOINT'),
        (['--arm', 'KD=ce.pth'], '--baseline CE: the arms are KD'),
    ],
)
def test_user_mistakes(monkeypatch, started, capsys, options, message):
    with pytest.raises((SystemExit, FileNotFoundError)) as error:
        call(monkeypatch, *options)
    assert message in str(error.value) + capsys.readouterr().err
    assert not started


@pytest.mark.parametrize(
    'config, names',
    [
        (
            'detection/faster-rcnn_r18_fpn_voc0712.py',
            ['voc_11points/mAP', 'voc_11points/AP50', 'voc_area/mAP', 'voc_area/AP50'],
        ),
        (
            'detection/mask-rcnn_r18_fpn_coco.py',
            ['coco/bbox_mAP', 'coco/bbox_mAP_50', 'coco/segm_mAP', 'coco/segm_mAP_50'],
        ),
        ('detection/faster-rcnn_r8_fpn_bccd.py', ['pascal_voc/mAP', 'pascal_voc/AP50']),
        ('benchmarks/linear_stl10.py', ['accuracy/top1']),
    ],
)
def test_metrics_of_a_config(config, names):
    assert benchmark_transfer.metrics_of(Config.fromfile(ROOT / 'configs' / config)) == names
