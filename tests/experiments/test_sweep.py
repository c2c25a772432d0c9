import json
from pathlib import Path

import config_losses
import golden
import pytest
import sweep
from mmengine.config import Config, DictAction

ROOT = Path(__file__).parents[2]
SWEEPS = sorted((ROOT / 'configs/sweeps').glob('*.json'))


@pytest.fixture(autouse=True)
def in_project(monkeypatch):
    monkeypatch.chdir(ROOT)


@pytest.mark.parametrize('file', SWEEPS, ids=lambda file: file.stem)
def test_every_arm_of_a_shipped_sweep_trains_in_another_way(file, tmp_path):
    arms = sweep.make_arms(sweep.read_sweep(file), [3], tmp_path)
    images, data_samples = golden.batch(dict(batch=2, resolution=28, labels=[5, 9]))
    ways = set()
    for arm in arms:
        assert arm.options['train_dataloader.dataset.seed'] == '3'
        cfg = Config.fromfile(arm.config)
        cfg.merge_from_dict({key: DictAction._parse_iterable(value) for key, value in arm.options.items()})
        model = config_losses.build(cfg.model, tmp_path)
        total, _ = model.parse_losses(model(images.float(), data_samples, mode='loss'))
        ways.add((round(total.item(), 5), str(cfg.optim_wrapper)))
    assert len(ways) == len(arms) == len({arm.work_dir for arm in arms})


@pytest.mark.parametrize(
    'text, error, message',
    [
        (None, FileNotFoundError, 'no such sweep file'),
        ('{', ValueError, 'is no JSON'),
        ('{"arms": {}}', ValueError, 'must have the keys arms, baseline, config, options'),
        (
            '{"arms": {"a": {}}, "baseline": "b", "options": {}, "config": "x.py"}',
            ValueError,
            "baseline 'b' is none of",
        ),
        (
            '{"arms": {"a": {}}, "baseline": "a", "options": {}, "config": "x.py"}',
            FileNotFoundError,
            'no such config: x.py',
        ),
    ],
)
def test_a_sweep_file_that_is_wrong(tmp_path, text, error, message):
    if text is not None:
        (tmp_path / 'sweep.json').write_text(text)
    with pytest.raises(error, match=message):
        sweep.read_sweep(tmp_path / 'sweep.json')


def test_options_of_an_arm_win(tmp_path):
    (tmp_path / 'sweep.json').write_text(
        json.dumps(
            dict(
                config='configs/fashion_mnist/hssakd_r8.py',
                baseline='a',
                options={'x': 1, 'y': '{seed}'},
                arms={'a': {}, 'b / c': {'x': 2}},
            )
        )
    )
    arms = sweep.make_arms(sweep.read_sweep(tmp_path / 'sweep.json'), [7], tmp_path)
    assert [arm.options for arm in arms] == [{'x': '1', 'y': '7'}, {'x': '2', 'y': '7'}]
    assert [arm.work_dir for arm in arms] == [tmp_path / 'seed_7/a', tmp_path / 'seed_7/b_-_c']
