"""Training, resuming, testing and refusing, as real processes."""

import json
import os
import time

import cv2
import detection_data
import pytest
import torch
import train
from processes import ROOT, SHORT, call, epochs, run

from mmhssakd.experiments.runs import Run
from mmhssakd.weights import files, lock

STUDENT = 'configs/fashion_mnist/hssakd_r8.py'


@pytest.fixture(scope='module')
def trained(tmp_path_factory, teacher):
    """Work dir of a student trained for two epochs, interrupted after the first."""
    work_dir = tmp_path_factory.mktemp('student')
    options = {**SHORT, 'model.teacher.checkpoint': teacher}
    run('train.py', STUDENT, '--work-dir', work_dir, options={**options, **epochs(1)})
    workers = {'train_dataloader.num_workers': 1, 'val_dataloader.num_workers': 1}
    resumed = run('train.py', STUDENT, '--work-dir', work_dir, '--resume', options={**options, **epochs(2), **workers})
    last_line = max(file.stat().st_mtime for file in work_dir.glob('*/*.log'))
    assert time.time() - last_line < 60  # workers that nobody stops linger for two minutes
    assert 'resumed epoch: 1, iter: 4' in resumed.stdout
    for term in ('loss_task', 'loss_kl_q', 'loss_kl_p', 'kl_q3', 'acc_p', 'acc_q1'):
        assert f'{term}: ' in resumed.stdout
    return work_dir


def test_checkpoint_holds_no_teacher(trained):
    state = torch.load(trained / 'epoch_2.pth', weights_only=True)['state_dict']
    assert {name.split('.')[0] for name in state} == {'backbone', 'head', 'auxiliary_neck'}
    assert (trained / 'last_checkpoint').read_text().endswith('epoch_2.pth')


@pytest.mark.parametrize('config', ['configs/fashion_mnist/ce_r8.py', STUDENT])
def test_plain_classifier_reaches_the_same_accuracy(trained, config, tmp_path):
    """The student's config needs no teacher for it: the default teacher's checkpoint does not exist."""
    run(
        'test.py',
        config,
        trained / 'epoch_2.pth',
        '--work-dir',
        tmp_path,
        '--out',
        tmp_path / 'metrics.json',
        options=SHORT,
    )
    metrics = json.loads((tmp_path / 'metrics.json').read_text())
    assert metrics['accuracy/top1'] == pytest.approx(Run(trained).final()['accuracy/top1'])


def test_loss_that_is_no_number_stops_the_run(trained, teacher):
    before = (trained / 'epoch_2.pth').read_bytes()
    done = run(
        'train.py',
        STUDENT,
        '--work-dir',
        trained,
        '--resume',
        check=False,
        options={**SHORT, **epochs(3), 'model.teacher.checkpoint': teacher, 'model.loss_weight.kl_q': 'inf'},
    )
    assert done.returncode
    assert 'FloatingPointError: loss_kl_q=inf in iteration 9 (epoch 3)' in done.stdout
    assert (trained / 'epoch_2.pth').read_bytes() == before
    assert not (trained / 'epoch_3.pth').exists()


@pytest.mark.parametrize('kill', ['teacher/epoch_1.pth', 'student/epoch_1.pth'])
def test_missing_teacher_is_trained_first(kill, tmp_path, monkeypatch):
    """Killed in the teacher's training, or in the student's, the same command goes on there."""
    text = f"_base_ = '{ROOT}/configs/fashion_mnist/teacher_r8.py'\n"
    (tmp_path / 'teacher.py').write_text(
        text + 'train_cfg = dict(max_epochs=2)\nparam_scheduler = dict(total_steps=2, end=2)\n'
    )
    model = {
        'model.teacher.config': tmp_path / 'teacher.py',
        'model.teacher.checkpoint': tmp_path / 'teacher/epoch_2.pth',
    }
    options = [f'{key}={value}' for key, value in {**SHORT, **epochs(2), **model}.items()]
    command = [STUDENT, '--train-teacher', '--work-dir', tmp_path / 'student', '--cfg-options', *options]
    put = files.put_in_place

    def put_and_die(path):
        put(path)
        if path.endswith(kill):
            raise MemoryError('killed')

    monkeypatch.setattr(files, 'put_in_place', put_and_die)
    with pytest.raises(MemoryError):
        call('train.py', *command)
    monkeypatch.setattr(files, 'put_in_place', put)
    assert (tmp_path / kill).exists() and not (tmp_path / kill.replace('_1', '_2')).exists()
    call('train.py', *command)
    teacher, student = (Run(tmp_path / name) for name in ('teacher', 'student'))
    assert teacher.checkpoint.name == student.checkpoint.name == 'epoch_2.pth'
    assert teacher.config.train_dataloader.batch_size == 30  # as the student's option says
    assert len(list((tmp_path / 'teacher').glob('2*'))) == 1 + ('teacher' in kill)
    assert len(list((tmp_path / 'student').glob('2*'))) == 1 + ('student' in kill)


def test_two_runs_that_train_one_teacher(tmp_path, monkeypatch):
    monkeypatch.setattr(lock, 'BEAT', 0.1)
    (tmp_path / 'teacher').mkdir()
    first = lock.WorkDirLock(tmp_path / 'teacher')
    first.take()
    options = [f'model.teacher.checkpoint={tmp_path}/teacher/epoch_7.pth']
    with pytest.raises(RuntimeError, match=f'{tmp_path}/teacher is in use by process {os.getpid()} on .*--work-dir'):
        call('train.py', STUDENT, '--train-teacher', '--work-dir', tmp_path / 'student', '--cfg-options', *options)
    first.release()
    assert not (tmp_path / 'student').exists() and not list((tmp_path / 'teacher').glob('*.pth'))


def test_missing_teacher_stops_before_the_first_step(tmp_path):
    done = run(
        'train.py', STUDENT, '--work-dir', tmp_path, check=False, options={'model.teacher.checkpoint': 'none.pth'}
    )
    assert done.returncode
    assert 'model.teacher.checkpoint: no such checkpoint: none.pth' in done.stdout[-1500:]


@pytest.mark.parametrize(
    'arguments, error, message',
    [
        (['configs/none.py'], FileNotFoundError, 'no such config file: configs/none.py'),
        (
            ['configs/teacher_r34_imagenet.py', '--cfg-options', 'train_dataloader.dataset.data_root=/no/folder'],
            FileNotFoundError,
            r'(?s)train_dataloader.dataset.data_root: the data set is not complete on .*missing  /no/folder/train',
        ),
        ([STUDENT, '--auto-scale-lr', '--cfg-options', 'auto_scale_lr={}'], KeyError, 'auto_scale_lr.base_batch_size'),
    ],
)
def test_refusals(arguments, error, message, monkeypatch):
    monkeypatch.setattr('sys.argv', ['train.py', *arguments])
    monkeypatch.chdir(ROOT)
    with pytest.raises(error, match=message):
        train.main()


def test_images_without_labels(teacher, tmp_path):
    """A folder of 10 labelled images and 14 others, two of them in a list, in batches of 6."""
    for i in range(10):
        (tmp_path / f'labelled/{i}').mkdir(parents=True)
        cv2.imwrite(str(tmp_path / f'labelled/{i}/0.jpg'), detection_data.image((28, 28, 3)))
    for i in range(14):
        (tmp_path / f'others/{i % 2}').mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(tmp_path / f'others/{i % 2}/{i}.jpg'), detection_data.image((28, 28, 3)))
    (tmp_path / 'others/0/12.jpg').rename(tmp_path / '12.jpg')
    (tmp_path / 'others/1/13.jpg').rename(tmp_path / '13.jpg')
    (tmp_path / 'list.txt').write_text('12\n13.jpg\n')
    (tmp_path / 'config.py').write_text(f"""
_base_ = '{ROOT}/configs/fashion_mnist/hssakd_r8.py'
pipeline = [dict(type='LoadImageFromFile'), dict(type='PackInputs')]
labelled = dict(type='CustomDataset', data_root='{tmp_path}', data_prefix='labelled', pipeline=pipeline)
others = dict(type='mmhssakd.UnlabelledImages', data_root='{tmp_path}', pipeline=pipeline)
train_dataloader = dict(batch_size=6, num_workers=1, dataset=dict(
    _delete_=True, type='ConcatDataset', ignore_keys=['classes'],
    datasets=[labelled, dict(others, data_prefix='others'), dict(others, ann_file='list.txt')]))
val_dataloader = dict(dataset=dict(_delete_=True, **labelled))
test_dataloader = val_dataloader
train_cfg = dict(max_epochs=2, val_interval=2)
param_scheduler = dict(total_steps=2, end=2)
default_hooks = dict(logger=dict(interval=1))
model = dict(teacher=dict(checkpoint='{teacher}'))
""")
    call('train.py', tmp_path / 'config.py', '--work-dir', tmp_path / 'work')
    lines = [line for line in Run(tmp_path / 'work').lines if 'loss_kl_q' in line]
    assert len(lines) == 8  # 2 epochs of 24 images
    assert sum(line.get('labelled', 6) for line in lines) == 20
    assert all(line['loss_kl_q'] > 0 and line['loss_kl_p'] > 0 for line in lines)

    with (tmp_path / 'config.py').open('a') as file:
        sampler = "dict(_delete_=True, type='mmhssakd.SharesSampler', shares=(2, 3, 1))"
        file.write(f'train_dataloader.update(sampler={sampler})\n')
    call('train.py', tmp_path / 'config.py', '--work-dir', tmp_path / 'shares')
    lines = [line for line in Run(tmp_path / 'shares').lines if 'loss_kl_q' in line]
    assert [line['labelled'] for line in lines] == [2] * 10  # 2 epochs of 10 labelled images, 2 in each batch
