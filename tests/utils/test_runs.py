import json

import pytest

from mmhssakd.utils.runs import config_of, curve, speed


def write(work_dir, time, lines):
    folder = work_dir / time / 'vis_data'
    folder.mkdir(parents=True)
    (folder / 'scalars.json').write_text('\n'.join(json.dumps(line) for line in lines) + '\n{"los')


def test_a_resumed_run_is_read_as_one(tmp_path):
    write(
        tmp_path,
        '20260101_000000',
        [
            dict(loss=2.0, time=0.5, step=10),
            dict(loss=1.0, time=0.5, step=20),
            {'accuracy/top1': 50.0, 'step': 1, 'time': 9.0},
            dict(loss=9.0, time=3.0, step=30),
        ],
    )
    write(
        tmp_path,
        '20260101_000100',
        [
            dict(loss=1.0, time=0.5, step=30),
            dict(loss=1.0, time=0.5, step=40),
            {'accuracy/top1': 60.0, 'step': 2, 'time': 9.0},
        ],
    )
    (tmp_path / 'config.py').write_text('train_dataloader = dict(batch_size=32)')
    assert curve(tmp_path, 'accuracy/top1') == {1: 50.0, 2: 60.0}
    assert speed(tmp_path) == dict(seconds=20.0, images_per_second=64.0)


def test_no_run(tmp_path):
    with pytest.raises(FileNotFoundError, match='not the work dir of a run'):
        config_of(tmp_path)
