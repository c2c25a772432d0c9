"""A student's missing teacher: trained first, or asked for by commands that can be pasted."""

import argparse
from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from mmhssakd.engine.launch.config import read_config
from mmhssakd.engine.launch.teacher import check_teacher, teacher_run
from mmhssakd.models.distillers.teacher import build_teacher
from mmhssakd.registry import MODELS

CONFIGS = Path(__file__).parents[2] / 'configs'
STUDENT = str(CONFIGS / 'hssakd_r18_imagenet.py')


def options(tmp_path, config=STUDENT, **cfg_options) -> argparse.Namespace:
    cfg_options.setdefault('model.teacher.checkpoint', str(tmp_path / 'teacher/epoch_100.pth'))
    return argparse.Namespace(config=config, cfg_options=cfg_options, resume=None, launcher='slurm', amp=True)


def test_options_of_the_teachers_run(tmp_path):
    more = {'data_root': 'x', 'train_dataloader.batch_size': 8, 'model.loss_weight.kl_q': 2, 'train_cfg.max_epochs': 3}
    run = teacher_run(options(tmp_path, **more))
    assert run.config == str(CONFIGS / 'teacher_r34_imagenet.py') and run.work_dir == str(tmp_path / 'teacher')
    assert run.cfg_options == {'data_root': 'x', 'train_dataloader.batch_size': 8}
    assert run.resume == 'auto' and run.launcher == 'slurm' and run.amp


def test_teacher_that_is_there(tmp_path):
    (tmp_path / 'epoch_1.pth').touch()
    assert teacher_run(options(tmp_path, **{'model.teacher.checkpoint': str(tmp_path / 'epoch_1.pth')})) is None
    assert teacher_run(options(tmp_path, **{'model.teacher.checkpoint': 'https://example.org/teacher.pth'})) is None


def test_plain_classifier_has_no_teacher(tmp_path):
    args = argparse.Namespace(config=str(CONFIGS / 'fashion_mnist/ce_r8.py'), cfg_options=None)
    assert teacher_run(args) is None


def test_epochs_that_disagree(tmp_path):
    with pytest.raises(ValueError, match='trains 100 epochs and writes epoch_100.pth, but .*epoch_90.pth. Let them'):
        teacher_run(options(tmp_path, **{'model.teacher.checkpoint': str(tmp_path / 'epoch_90.pth')}))


def test_teacher_that_is_no_config_file(tmp_path):
    with pytest.raises(ValueError, match="must be a config file to train, but is 'mmpretrain::"):
        teacher_run(options(tmp_path, **{'model.teacher.config': 'mmpretrain::resnet/resnet34_8xb32_in1k.py'}))


def test_teacher_config_that_is_missing(tmp_path):
    cfg = read_config(STUDENT, {'model.teacher.config': 'none.py', 'model.teacher.checkpoint': 'none.pth'})
    with pytest.raises(FileNotFoundError, match='model.teacher.config: no such config file: none.py'):
        check_teacher(cfg, STUDENT)


@pytest.mark.parametrize(
    'name, epoch, warned', [('epoch_3.pth', 3, True), ('epoch_7.pth', 7, False), ('best_3.pth', 3, False)]
)
def test_half_trained_teacher(name, epoch, warned, tmp_path, monkeypatch):
    said = []
    monkeypatch.setattr('mmhssakd.models.distillers.teacher.print_log', lambda text, **kwargs: said.append(text))
    config = str(CONFIGS / 'fashion_mnist/teacher_r8.py')
    state = MODELS.build(Config.fromfile(config).model).state_dict()
    torch.save(dict(state_dict=state, meta=dict(epoch=epoch)), tmp_path / name)
    build_teacher(config, str(tmp_path / name), 10)
    assert [f'{name} is of epoch 3 of 7: this teacher is half trained' in text for text in said] == [True] * warned


def test_commands_that_get_a_teacher(monkeypatch):
    monkeypatch.chdir(CONFIGS.parent)
    monkeypatch.setattr('sys.argv', ['tools/train.py'])
    file = 'configs/hssakd_r18_imagenet.py'
    with pytest.raises(FileNotFoundError) as error:
        check_teacher(read_config(file), file)
    assert str(error.value).splitlines() == [
        'model.teacher.checkpoint: no such checkpoint: work_dirs/teacher_r34_imagenet/epoch_100.pth. '
        'Get one in one of these ways:',
        '- train the teacher, then the student:',
        '    python tools/train.py configs/hssakd_r18_imagenet.py --train-teacher',
        '- sooner, train only the branches of a teacher that keeps its published weights:',
        '    python tools/train.py configs/hssakd_r18_imagenet.py --train-teacher --cfg-options '
        'model.teacher.config=configs/teacher_r34_frozen_imagenet.py '
        'model.teacher.checkpoint=work_dirs/teacher_r34_frozen_imagenet/epoch_100.pth',
        "- import a checkpoint of the authors' code:",
        '    python tools/model_converters/import_hsakd.py SRC.pth work_dirs/teacher_r34_imagenet/epoch_100.pth',
        '- name one that is there:',
        '    python tools/train.py configs/hssakd_r18_imagenet.py --cfg-options model.teacher.checkpoint=PATH',
    ]
