"""A student's missing teacher: trained first, or asked for by commands that can be pasted."""

import argparse
from pathlib import Path

import pytest

from mmhssakd.engine.launch.config import read_config
from mmhssakd.engine.launch.teacher import check_teacher, teacher_run

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
