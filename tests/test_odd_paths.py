"""Folders with a space, a comma, quotes, brackets, ``=`` or foreign letters in their names, as tools get them."""

import argparse
import json
import shutil
from pathlib import Path

import detection_data
import pytest
import tiny_job
import torch
from fashion_data import make_fashion
from mmengine.config import Config
from processes import ROOT, call

from mmhssakd.apis import train_command
from mmhssakd.datasets.detection_folder import folder_classes
from mmhssakd.engine.launch import DictAction
from mmhssakd.registry import DATASETS, MODELS

NAME = '-a b, c\'d"e [f]=ä語'


def parse(*values: str) -> dict:
    parser = argparse.ArgumentParser()
    parser.add_argument('--cfg-options', nargs='+', action=DictAction)
    return parser.parse_args(['--cfg-options', *values]).cfg_options


VALUES = {
    'my data': 'my data',
    "it's": "it's",
    'a[b': 'a[b',
    'x (1)': 'x (1)',
    'a,b': ['a', 'b'],
    "'a,b'": 'a,b',
    'none,1': ['none', 1],
    '[1, 2.5, dining table, None]': [1, 2.5, 'dining table', None],
    "['traffic light', 'b']": ['traffic light', 'b'],
    ' ( (1, 2), [a] ) ': ((1, 2), ['a']),
    '"[1,2]"': [1, 2],
    'a=b': 'a=b',
    'True': True,
    '1e-3': 1e-3,
    '': '',
}


@pytest.mark.parametrize('value', VALUES)
def test_values(value):
    assert parse(f'key.a={value}', 'b=0') == {'key.a': VALUES[value], 'b': 0}


def test_a_value_in_pieces(capsys):
    with pytest.raises(SystemExit):
        parse('data_root=my', 'data')
    assert "--cfg-options: 'data' is no KEY=VALUE. Put quotes around a value with spaces." in capsys.readouterr().err


@pytest.mark.parametrize('value', ['a=[(1,2]', 'a=(1,[2)]', 'a=1,(2'])
def test_brackets_that_do_not_match(value, capsys):
    with pytest.raises(SystemExit):
        parse(value)
    assert f'--cfg-options: brackets do not match in {value}' in capsys.readouterr().err


@pytest.fixture
def odd(tmp_path, monkeypatch) -> Path:
    """Name of a folder, relative to the current one."""
    monkeypatch.chdir(tmp_path)
    Path(NAME).mkdir()
    return Path(NAME)


@pytest.fixture
def whole(odd) -> Path:
    """The same folder's whole path, for arguments without an option before them."""
    return odd.resolve()


def test_commands_of_other_tools(odd):
    command = train_command('hssakd_r8', odd, {'data_root': odd.resolve(), 'a': [1, 2], 'b': None})
    assert f'--work-dir={odd}' in command
    assert parse(*command[command.index('--cfg-options') + 1 :]) == dict(data_root=str(odd.resolve()), a=[1, 2], b=None)


def test_train_resume_and_test(odd, whole, tmp_path, monkeypatch):
    tiny_job.leave_configs_as_they_are(monkeypatch)
    tiny_job.prepare(tmp_path / 'plain', workers=0, seed=0)
    config = Config.fromfile(tmp_path / 'plain/epochs.py')
    config.dump(whole / 'run.py')
    for name in ('data', 'teacher.py', 'teacher.pth'):
        (tmp_path / 'plain' / name).rename(whole / name)
    options = [f'data_root={odd}/data', f'model.teacher.config={odd}/teacher.py']
    options += [f'model.teacher.checkpoint={odd}/teacher.pth', 'train_cfg.max_epochs=1']
    call('train.py', whole / 'run.py', f'--work-dir={odd}/work', '--cfg-options', *options)
    assert Config.fromfile(whole / 'work/run.py').train_dataloader.dataset.dataset.data_root == f'{odd}/data'
    options[-1] = 'train_cfg.max_epochs=2'
    resume = f'--resume={odd}/work/epoch_1.pth'
    call('train.py', whole / 'run.py', f'--work-dir={odd}/work', resume, '--cfg-options', *options)
    more = [f'--work-dir={odd}/work', f'--out={odd}/a.json', f'--show-dir={odd}/show', '--interval=10']
    call('test.py', whole / 'run.py', whole / 'work/epoch_2.pth', *more, '--cfg-options', options[0])
    assert 'accuracy/top1' in json.loads((odd / 'a.json').read_text())
    assert len([file for file in whole.rglob('*.png') if 'show' in file.parts]) == 2


def test_converters_of_checkpoints(odd, whole, fashion):
    student = MODELS.build(Config.fromfile(ROOT / 'configs/fashion_mnist/ce_r8.py').model)
    torch.save(dict(state_dict=student.state_dict()), odd / 'a.pth')
    call('model_converters/export_backbone.py', whole / 'a.pth', whole / 'out', '--format', 'mmpretrain')
    config = ROOT / 'configs/fashion_mnist/ce_r8.py'
    call('model_converters/export_onnx.py', config, whole / 'a.pth', whole / 'a.onnx', '--size', 28, 28)
    torch.save(dict(state_dict={'peers.0.a': torch.ones(1)}), odd / 'peers.pth')
    call('model_converters/export_peer.py', whole / 'peers.pth', whole / 'peer.pth')
    with pytest.raises(SystemExit, match='import_hsakd: src: .*a.pth holds no state dict'):
        call('model_converters/import_hsakd.py', whole / 'a.pth', whole / 'b.pth')
    assert {file.name for file in odd.iterdir()} >= {'out.safetensors', 'a.onnx', 'peer.pth'}


def test_tools_that_draw_and_count(odd, whole, runs):
    Config.fromfile(ROOT / 'configs/fashion_mnist/hssakd_r8.py').dump(odd / 'run.py')
    data = f'train_dataloader.dataset.dataset.data_root={make_fashion(odd / "data", train=1000)}'
    call('visualize_views.py', whole / 'run.py', f'--out={odd}/a.png', '--images=2', '--cfg-options', data)
    call('analysis/model_cost.py', whole / 'run.py', '--size=28', '--batch-size=2')
    shutil.copytree(runs / 'seed_0/ce_r8', odd / 'ce')
    call('analysis/report.py', whole, f'--out={odd}/a.html', '--images=0')
    assert (odd / 'a.png').stat().st_size and 'Fashion-MNIST: CE' in (odd / 'a.html').read_text()


def test_tools_that_prepare_data(odd):
    make_fashion(odd, packed=True)
    call('dataset_converters/prepare_fashion_mnist.py', f'--source={odd}', f'--out={odd}/unpacked')
    few = ['--train=1', '--test=1']
    call('dataset_converters/make_fashion_scenes.py', f'--source={odd}/unpacked', f'--out={odd}/scenes', *few)
    assert len(list((odd / 'scenes').rglob('*.xml'))) == 2


@pytest.mark.parametrize('layout', detection_data.FOLDERS)
def test_folders_of_boxes(layout, whole):
    root = detection_data.FOLDERS[layout](whole)
    assert len(folder_classes(str(root))) == 2
    assert len(DATASETS.build(dict(type='mmhssakd.DetectionFolder', data_root=str(root), pipeline=[]))) == 2
