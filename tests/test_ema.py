"""EMAHook with our loops, checkpoints and teacher: a run that was stopped ends as one that was not."""

import pytest
import tiny_job
import torch
from ask_to_stop import AskToStop
from mmengine.config import Config
from processes import call

from mmhssakd.registry import MODELS


@pytest.fixture(scope='module')
def jobs(tmp_path_factory) -> dict:
    """Configs of the tiny job with EMA, trained to the end; by kind, with the name of the last checkpoint."""
    found = tiny_job.prepare(tmp_path_factory.mktemp('job'), workers=0, seed=0)
    with pytest.MonkeyPatch.context() as patch:
        tiny_job.leave_configs_as_they_are(patch)
        for file, _ in found.values():
            cfg = Config.fromfile(file)
            cfg.custom_hooks = [
                *cfg.get('custom_hooks', []),
                dict(type='EMAHook', momentum=0.1),
                dict(type='AskToStop'),
            ]
            cfg.dump(file)
            call('train.py', file, '--work-dir', file.with_suffix(''))
    return found


def same(found, expected) -> bool:
    return found.keys() == expected.keys() and all(torch.equal(found[key], expected[key]) for key in expected)


@pytest.mark.parametrize('when', [dict(training=3), dict(validation=6)], ids=str)
@pytest.mark.parametrize('kind', ['epochs', 'iterations'])
def test_a_stopped_run_ends_as_one_that_was_not(jobs, kind, when, tmp_path, monkeypatch):
    tiny_job.leave_configs_as_they_are(monkeypatch)
    config, last = jobs[kind]
    with monkeypatch.context() as asked:
        for where, number in when.items():
            asked.setattr(AskToStop, where, number)
        with pytest.raises(SystemExit):
            call('train.py', config, '--work-dir', tmp_path)
    call('train.py', config, '--work-dir', tmp_path, '--resume')
    expected, found = (torch.load(folder / last, weights_only=True) for folder in (config.with_suffix(''), tmp_path))
    assert same(found['ema_state_dict'], expected['ema_state_dict'])
    assert same(found['state_dict'], expected['state_dict'])
    average, own = expected['state_dict'], expected['ema_state_dict']  # EMAHook swaps them, for deployment
    assert not torch.equal(average['head.fc.weight'], own['module.head.fc.weight'])


def test_the_teacher_is_not_averaged(jobs):
    config, last = jobs['epochs']
    checkpoint = torch.load(config.with_suffix('') / last, weights_only=True)
    cfg = Config.fromfile(config).model
    teacher, cfg.teacher = cfg.teacher, None
    names = set(MODELS.build(cfg).state_dict())
    assert set(checkpoint['state_dict']) == names
    assert set(checkpoint['ema_state_dict']) == {'steps', *(f'module.{name}' for name in names)}
    expected = torch.load(teacher.checkpoint, weights_only=True)['state_dict']
    for model in (AskToStop.ema.src_model, AskToStop.ema.ema_model.module):
        assert same(model.teacher.state_dict(), expected)
