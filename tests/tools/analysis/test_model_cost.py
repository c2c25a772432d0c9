import re

import pytest
from processes import ROOT, call


def run(config: str, capsys, *options) -> str:
    call('analysis/model_cost.py', ROOT / 'configs' / config, '--size', 32, *options)
    return capsys.readouterr().out


def rows(printed: str) -> dict:
    lines = re.finditer(r'^(.{45})\s*([\d.]+)\s+([\d.]+)$', printed, re.M)
    return {line[1].strip(): (float(line[2]), float(line[3])) for line in lines}


def test_student_and_teacher(capsys):
    printed = run('cifar100/hssakd_resnet56_resnet20.py', capsys)
    found = rows(printed)
    assert list(found) == [
        'backbone and head',
        *[f'branch {i} after layer{i}' for i in (1, 2, 3)],
        'teacher: backbone and head',
        *[f'teacher: branch {i} after layer{i}' for i in (1, 2, 3)],
    ]
    # ResNet-20 for 100 classes: 0.278 M parameters and 41 M multiplications, as is well known
    assert found['backbone and head'] == pytest.approx((0.278, 0.041), abs=1e-3)
    ratio = float(re.search(r'costs ([\d.]+) times', printed)[1])
    own = sum(flops for name, (_, flops) in found.items() if 'teacher' not in name)
    taught = sum(flops for name, (_, flops) in found.items() if 'teacher' in name)
    assert ratio == pytest.approx(4 * (3 * own + taught) / (3 * found['backbone and head'][1]), rel=0.02)


def test_kd_runs_no_branches(capsys):
    printed = run('cifar100/kd_resnet56_resnet20.py', capsys)
    assert list(rows(printed)) == ['backbone and head', 'teacher: backbone and head']


def test_peers(capsys):
    assert 'peer 1: branch 3 after layer3' in run('cifar100/online_hssakd_wrn40x1.py', capsys)


def test_missing_config(capsys):
    with pytest.raises(SystemExit, match='no such config file'):
        run('none.py', capsys)
