"""A whole checkpoint is there at any moment."""

import logging
import os
import resource

import pytest
import torch
from tiny_run import config, runner

from mmhssakd.engine.runner import FlexibleRunner
from mmhssakd.weights.resume import check_resumable, newest_checkpoint


def names(folder) -> set:
    return {file.name for file in folder.glob('*.pth*')}


@pytest.mark.parametrize('keep', [1, 2])
def test_the_oldest_goes_last(tmp_path, monkeypatch, keep):
    """Whenever a file is removed, the newer one is there and named."""
    seen, remove = [], os.remove

    def checked(path):
        check_resumable((tmp_path / 'last_checkpoint').read_text())
        seen.append(os.path.basename(path))
        remove(path)

    monkeypatch.setattr(os, 'remove', checked)
    runner(config(tmp_path, checkpoint=dict(max_keep_ckpts=keep))).train()
    assert seen == ['epoch_1.pth', 'epoch_2.pth'][: 3 - keep]
    assert names(tmp_path) == {f'epoch_{i}.pth' for i in range(4 - keep, 4)}


@pytest.mark.parametrize('call', ['fsync', 'replace'])
@pytest.mark.parametrize('number', [3, 4])  # of the second checkpoint, of the file that names it
def test_interrupted_while_writing(tmp_path, monkeypatch, call, number):
    calls, original = [], getattr(os, call)

    def function(*args):
        calls.append(args)
        if len(calls) == number:
            raise KeyboardInterrupt
        return original(*args)

    with monkeypatch.context() as patch:
        patch.setattr(os, call, function)
        with pytest.raises(KeyboardInterrupt):
            runner(config(tmp_path, checkpoint=dict(max_keep_ckpts=1))).train()
    assert (tmp_path / 'last_checkpoint').read_text() == str(tmp_path / 'epoch_1.pth')
    check_resumable(str(tmp_path / 'epoch_1.pth'))
    resumed = runner(config(tmp_path, checkpoint=dict(max_keep_ckpts=1)), resume=True)
    resumed.train()
    assert names(tmp_path) == {'epoch_3.pth'} and not list(tmp_path.glob('*.tmp'))


def interrupt(*args) -> None:
    raise KeyboardInterrupt


def test_what_a_kill_kept_from_being_removed_goes_later(tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr('mmhssakd.weights.files.AtomicBackend.remove', interrupt)
        with pytest.raises(KeyboardInterrupt):
            runner(config(tmp_path, checkpoint=dict(max_keep_ckpts=1))).train()
    assert names(tmp_path) == {'epoch_1.pth', 'epoch_2.pth'}
    runner(config(tmp_path, checkpoint=dict(max_keep_ckpts=1)), resume=True).train()
    assert names(tmp_path) == {'epoch_3.pth'}


def test_disk_full(tmp_path):
    """A limit on the size of files stands for a full disk: the system refuses to write in the same way."""
    runner(config(tmp_path, train_cfg=dict(max_epochs=1))).train()
    size = (tmp_path / 'epoch_1.pth').stat().st_size
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    run = runner(config(tmp_path, log_level='ERROR'), resume=True)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size // 2, before[1]))
        with pytest.raises(
            OSError,
            match=r'cannot write .*epoch_2.pth \(.* MiB\): File too large. What was written '
            'before is intact: make room',
        ):
            run.train()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert names(tmp_path) == {'epoch_1.pth'}
    assert newest_checkpoint(str(tmp_path)) == str(tmp_path / 'epoch_1.pth')


def flip(file) -> None:
    """Change one byte of a tensor."""
    data = bytearray(file.read_bytes())
    place = data.index(torch.load(file, weights_only=True)['state_dict']['fc.weight'].numpy().tobytes())
    data[place] ^= 1
    file.write_bytes(data)


def truncate(file) -> None:
    file.write_bytes(file.read_bytes()[:-100])


def harm(file) -> None:
    """Code in place of a checkpoint."""

    class Harmful:
        def __reduce__(self):
            return open, (f'{file}.harm', 'w')

    torch.save(Harmful(), file)


def empty(file) -> None:
    file.write_bytes(b'')


@pytest.mark.parametrize('damage', [flip, truncate, harm, empty, os.unlink], ids=lambda damage: damage.__name__)
def test_a_broken_checkpoint_gives_way_to_the_one_before(tmp_path, damage, caplog):
    runner(config(tmp_path)).train()
    damage(tmp_path / 'epoch_3.pth')
    with caplog.at_level(logging.WARNING):
        assert newest_checkpoint(str(tmp_path)) == str(tmp_path / 'epoch_2.pth')
    assert not list(tmp_path.glob('*.harm'))
    resumed = runner(config(tmp_path), resume=True)
    resumed.train()
    assert resumed.epoch == 3
    check_resumable(str(tmp_path / 'epoch_3.pth'))


def test_all_broken(tmp_path):
    runner(config(tmp_path, train_cfg=dict(max_epochs=1))).train()
    truncate(tmp_path / 'epoch_1.pth')
    with pytest.raises(ValueError, match='none of the 1 checkpoints in .* can be read'):
        newest_checkpoint(str(tmp_path))


def test_nothing_yet_and_a_moved_work_dir(tmp_path):
    assert newest_checkpoint(str(tmp_path / 'none')) is None
    runner(config(tmp_path / 'a', train_cfg=dict(max_epochs=2))).train()
    (tmp_path / 'a').rename(tmp_path / 'b')
    assert newest_checkpoint(str(tmp_path / 'b')) == str(tmp_path / 'b/epoch_2.pth')


def test_weights_alone_cannot_be_resumed(tmp_path):
    torch.save(dict(state_dict={}), tmp_path / 'weights.pth')
    with pytest.raises(ValueError, match='weights.pth holds no meta, optimizer, message_hub.*load_from'):
        check_resumable(str(tmp_path / 'weights.pth'))


def test_a_program_in_a_checkpoint_is_not_resumed(tmp_path):
    """mmengine's runners run ``meta.config``."""
    file = str(tmp_path / 'file.pth')
    torch.save(dict(state_dict={}, optimizer={}, message_hub={}, meta=dict(config='import os')), file)
    with pytest.raises(ValueError, match='file.pth cannot be loaded safely: it holds a program'):
        check_resumable(file)


def test_flexible_runner_writes_beside(tmp_path, monkeypatch):
    """mmengine's FlexibleRunner (FSDP) writes in place, whatever the file backend."""
    replaced, replace = [], os.replace
    monkeypatch.setattr(os, 'replace', lambda a, b: (replaced.append((a, b)), replace(a, b)))
    cfg = config(tmp_path, checkpoint=dict(max_keep_ckpts=1), env_cfg=dict(cudnn_benchmark=False))
    run = FlexibleRunner.from_cfg(cfg)
    run.train()
    for name in ('epoch_1.pth', 'epoch_2.pth', 'epoch_3.pth'):
        assert (f'{tmp_path}/{name}.tmp', f'{tmp_path}/{name}') in replaced
    assert names(tmp_path) == {'epoch_3.pth'}
    check_resumable(str(tmp_path / 'epoch_3.pth'))
