"""A teacher's words on fixed crops: computed once, kept in a file, for one teacher and one data set."""

import contextlib
import errno
import os
import random
import signal
import time

import fuzzing
import numpy as np
import pytest
import small
import tiny_job
import torch
from ask_to_stop import AskToStop
from mmengine.config import Config
from processes import call

from mmhssakd.models.distillers.teacher_cache import TeacherCache
from mmhssakd.registry import MODELS


@pytest.fixture
def teacher(tmp_path) -> dict:
    torch.manual_seed(0)
    for i in range(2):
        torch.save(dict(state_dict=MODELS.build(small.config()).state_dict()), tmp_path / f'{i}.pth')
    return dict(config=small.config(), checkpoint=str(tmp_path / '0.pth'), cache=str(tmp_path / 'kept/teacher.npy'))


def student(teacher: dict, **options) -> torch.nn.Module:
    torch.manual_seed(1)
    return MODELS.build(small.config(type='HSSAKD', teacher=teacher, **options)).train()


def samples(numbers, total=12) -> list:
    found = small.samples([number % 10 for number in numbers])
    for sample, number in zip(found, numbers):
        sample.set_metainfo(dict(crop=(number, total)))
    return found


def images(numbers) -> torch.Tensor:
    return torch.randn(12, 3, 16, 16, generator=torch.Generator().manual_seed(0))[list(numbers)]


def rows_of(model) -> list:
    """Numbers of rows that the teacher's backbone gets from now on."""
    seen = []
    model.teacher.backbone.register_forward_pre_hook(lambda module, inputs: seen.append(len(inputs[0])))
    return seen


@pytest.mark.parametrize('half', [False, True])
@pytest.mark.parametrize('branches', [True, False])
def test_losses_are_those_without_a_cache(teacher, branches, half):
    options = {} if branches else dict(auxiliary_neck=None, views=None)
    plain, kept = student({k: v for k, v in teacher.items() if k != 'cache'}, **options), student(teacher, **options)
    seen, views = rows_of(kept), 4 if branches else 1
    for numbers, computed in (([3, 7, 9], [1, 3]), ([9, 0, 3], [1, 1]), ([0, 7], [])):
        with torch.autocast('cpu', torch.bfloat16, enabled=half):
            expected = plain(images(numbers), samples(numbers), mode='loss')
            found = kept(images(numbers), samples(numbers), mode='loss')
        for name, value in expected.items():
            torch.testing.assert_close(found[name], value, rtol=2e-3, atol=1e-5, msg=f'{numbers}: {name}')
        assert seen == [rows * views for rows in computed], numbers
        seen.clear()
    kept.parse_losses(found)[0].backward()


def test_another_run_reads_what_this_one_left(teacher):
    first, second = student(teacher), student(teacher)
    numbers = [4, 1, 8]
    expected = first(images(numbers), samples(numbers), mode='loss')
    seen = rows_of(second)
    found = second(images(numbers), samples(numbers), mode='loss')
    assert seen == [4, 4]  # the widths, and one crop for comparison
    assert all(torch.equal(found[name], value) for name, value in expected.items())
    second(images(numbers), samples(numbers), mode='loss')
    assert len(seen) == 2


def test_a_torn_row_is_computed_again(teacher):
    expected = student(teacher)(images([5, 6]), samples([5, 6]), mode='loss')
    table = np.load(teacher['cache'], mmap_mode='r+')
    table[5, 10:60] = 0
    table[6, -1:].view(np.uint16)[:] ^= 1
    table.flush()
    damaged = np.load(teacher['cache'])
    found = student(teacher)(images([5, 6]), samples([5, 6]), mode='loss')
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, rtol=2e-3, atol=1e-5)
    assert (np.load(teacher['cache'])[5:7] != damaged[5:7]).any(1).all()


def test_what_does_not_fit_is_refused(teacher, tmp_path):
    student(teacher)(images([5, 6]), samples([5, 6]), mode='loss')
    with pytest.raises(ValueError, match=r'teacher\.npy was made by another teacher, or for other images'):
        student(dict(teacher, checkpoint=str(tmp_path / '1.pth')))(images([5, 6]), samples([5, 6]), mode='loss')
    with pytest.raises(ValueError, match=r'teacher\.npy was made by another teacher, or for other images'):
        student(teacher)(images([1, 2]), samples([5, 6]), mode='loss')
    with pytest.raises(ValueError, match=r'holds 12 crops of 520 logits, but this run has 24 of 520\. Delete it'):
        student(teacher)(images([5, 6]), samples([5, 6], total=24), mode='loss')
    with pytest.raises(ValueError, match=r'holds 12 crops of 520 logits, but this run has 12 of 10\. Delete it'):
        student(teacher, auxiliary_neck=None, views=None)(images([5, 6]), samples([5, 6]), mode='loss')
    with pytest.raises(ValueError, match=r"wrap the data set of train_dataloader: dict\(type='mmhssakd.FixedCrops'"):
        student(teacher)(images([5]), small.samples([5]), mode='loss')
    mixed = samples([5, 6])
    for sample in mixed:
        sample.set_gt_score(torch.full((10,), 0.1))
    with pytest.raises(ValueError, match=r'cannot keep mixed images'):
        student(teacher)(images([5, 6]), mixed, mode='loss')
    (tmp_path / 'kept/teacher.npy').write_bytes(b'nothing')
    with pytest.raises(ValueError, match=r'teacher\.npy is damaged'):
        student(teacher)(images([5, 6]), samples([5, 6]), mode='loss')


def test_one_image_that_changed_is_noticed(teacher):
    student(teacher)(images([5, 6]), samples([5, 6]), mode='loss')
    with pytest.raises(ValueError, match=r'teacher\.npy was made by another teacher, or for other images'):
        student(teacher)(images([5, 3]), samples([5, 6]), mode='loss')


@pytest.mark.parametrize('code', [errno.ENOSPC, errno.EACCES])
def test_no_room_and_no_permission(teacher, monkeypatch, code):
    def refuse(*args) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, 'posix_fallocate', refuse)
    message = rf'model\.teacher\.cache: cannot write .*teacher\.npy \(0\.0 MiB\): {os.strerror(code)}\. Make room'
    with pytest.raises(OSError, match=message):
        student(teacher)(images([5, 6]), samples([5, 6]), mode='loss')


def test_a_process_that_is_killed_while_it_writes(tmp_path):
    """Whatever it left, the next one uses whole rows, and computes the others."""
    views, crops, draw = torch.randn(2 * 64, 3, 64, 64), samples([*range(64)], 64), random.Random(0)
    for i in range(10):
        file = str(tmp_path / f'{i}.npy')
        if not (pid := os.fork()):
            with contextlib.suppress(BaseException):
                TeacherCache(file, 2)(fuzzing.teach, views, crops)
                signal.pause()
            os._exit(1)
        while not os.path.exists(file):
            time.sleep(0.001)
        time.sleep(draw.uniform(0, 0.01))
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        found = TeacherCache(file, 2)(fuzzing.teach, views, crops)
        expected = fuzzing.teach(views)
        torch.testing.assert_close([found.p, *found.q], [expected.p, *expected.q], rtol=1e-3, atol=1e-3)


def test_runs(tmp_path, monkeypatch):
    """A run that fills the cache, one that finds it filled and one that is stopped end with equal weights."""
    tiny_job.leave_configs_as_they_are(monkeypatch)
    file, last = tiny_job.prepare(tmp_path, workers=0, seed=0)['epochs']
    cfg = Config.fromfile(file)
    cfg.train_dataloader.dataset = dict(type='mmhssakd.FixedCrops', crops=2, dataset=cfg.train_dataloader.dataset)
    cfg.custom_hooks = [*cfg.get('custom_hooks', []), dict(type='AskToStop')]
    ends = {}
    for name, cache, stop in (('fills', 'a', None), ('reads', 'a', None), ('stopped', 'b', 9)):
        cfg.model.teacher.cache = str(tmp_path / f'{cache}.npy')
        cfg.dump(tmp_path / f'{name}.py')
        arguments = [tmp_path / f'{name}.py', '--work-dir', tmp_path / name]
        if stop:
            with monkeypatch.context() as asked, pytest.raises(SystemExit):
                asked.setattr(AskToStop, 'training', stop)
                call('train.py', *arguments)
            arguments.append('--resume')
        call('train.py', *arguments)
        ends[name] = torch.load(tmp_path / name / last, weights_only=True)['state_dict']
        filled = np.load(cfg.model.teacher.cache)[:, -2:].any(1)
        assert len(filled) == 80 and 40 < filled.sum() < 80  # 3 epochs of 40 images with 2 crops each
    for name, value in ends['fills'].items():
        assert torch.equal(value, ends['reads'][name]), name
        assert torch.equal(value, ends['stopped'][name]), name
