import json

import pytest

from mmhssakd.experiments import Trial


def make(root='sweep', name='KD', **kwargs) -> Trial:
    return Trial(name, 'config.py', root, **kwargs)


def run(trial: Trial) -> dict:
    from mmhssakd.experiments.launch import LocalLauncher

    said = trial.prepare()
    assert LocalLauncher(1).start(trial).wait() == 0
    return dict(trial.finish(0, 2.0), said=said)


def test_a_finished_trial_leaves_its_result(trainer, tmp_path):
    trial = make(seed=2, options={'top1': 50, 'x': 'of_{seed}'})
    assert trial.result is None
    run(trial)
    result = trial.result
    assert result == json.loads((tmp_path / 'sweep/seed_2/KD/trial.json').read_text())
    assert result['metric'] == 'accuracy/top1' and result['metrics'] == {'accuracy/top1': 54, 'accuracy/peer0_top1': 53}
    assert result['units'] == dict.fromkeys(result['metrics'], '%')
    assert result['seconds'] == 1.0 and result['images_per_second'] == 100.0 and result['wall_seconds'] == 2.0
    assert result['checkpoint'] == 'epoch_1.pth' and result['seed'] == 2 and result['hash'] == trial.hash
    assert result['options'] == {'top1': '50', 'x': 'of_2'}


def test_shares_become_percent(trainer):
    result = run(make(options={'map': 1}))
    assert result['metrics'] == {'pascal_voc/mAP': 25.0, 'pascal_voc/AP50': 50.0, 'pascal_voc/AP75': 10.0}
    assert set(result['units'].values()) == {'%'}


def test_a_moved_folder_is_still_finished(trainer, tmp_path):
    teacher = make(name='teacher')
    run(teacher)
    run(make(needs=[(teacher, 'model.teacher.checkpoint')]))
    (tmp_path / 'sweep').rename(tmp_path / 'moved')
    teacher = make('moved', name='teacher')
    student = make('moved', needs=[(teacher, 'model.teacher.checkpoint')])
    assert teacher.result and student.result
    assert 'model.teacher.checkpoint=moved/seed_0/teacher/epoch_1.pth' in student.command()


def test_the_hash_knows_config_options_seed_and_needs(trainer, tmp_path):
    (tmp_path / 'other.py').write_text("train_cfg = dict(max_epochs=5)\noptim = 'x'")
    needed, changed = make(name='teacher'), make(name='teacher', options={'top1': 1})
    trials = [
        make(),
        make(seed=1),
        make(options={'top1': 1}),
        Trial('KD', 'other.py', 'sweep'),
        make(needs=[(needed, 'x')]),
        make(needs=[(changed, 'x')]),
    ]
    assert len({trial.hash for trial in trials}) == len(trials)
    assert make('elsewhere').hash == make(name='another name').hash == trials[0].hash


@pytest.mark.parametrize('old', ['finished', 'unfinished', 'unknown'])
def test_a_run_with_other_settings_is_moved_aside(trainer, tmp_path, old):
    other = make(options={'top1': 70})
    if old == 'finished':
        run(other)
    elif old == 'unfinished':
        other.prepare()
        (other.work_dir / 'epoch_1.pth').touch()
    else:
        other.work_dir.mkdir(parents=True)
        (other.work_dir / 'epoch_1.pth').touch()
    result = run(make())
    assert result['metrics']['accuracy/top1'] == 40
    assert 'seed_0/KD held a run with other settings, now in sweep/replaced/seed_0/KD-' in result['said']
    (kept,) = (tmp_path / 'sweep/replaced/seed_0').iterdir()
    assert (kept / 'epoch_1.pth').is_file()


def test_share_of_the_training(trainer):
    trial = make()
    trial.prepare()
    assert trial.share == 0
    epochs = (
        'Epoch(train)  [1][ 20/40]  lr: 1',
        'Epoch(train)   [3][10/40]  lr: 0.1  eta: 0:01',
        'Epoch(val) [3][1/9]',
    )
    trial.log.write_text('\n'.join(epochs))
    assert trial.share == (2 + 0.25) / 4
    trial.log.write_text('Iter(train) [ 50/200]  lr: 0.1')
    assert trial.share == 0.25


def test_a_metric_that_was_not_logged(trainer):
    with pytest.raises(RuntimeError, match=r"x/y in its log; there are: \['accuracy/top1', 'accuracy/peer0_top1'\]"):
        run(make(metric='x/y'))
