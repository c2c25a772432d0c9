import pytest
from written_run import write_run

from mmhssakd.visualization.run import differing_settings, find_runs, flatten, group_runs, setting


def test_runs_are_found_and_grouped_by_their_settings(runs):
    groups = group_runs(find_runs([runs / 'teacher', runs / 'seed_0', runs / 'seed_1', runs / 'seed_0/ce_r8']))
    assert [(group.name, [run.seed for run in group.runs]) for group in groups] == [
        ('teacher', [0]),
        ('ce_r8', [0, 1]),
        ('hssakd_r8', [0, 1]),
    ]
    assert groups[1].final('accuracy/top1') == [77.0, 78.0] and not groups[1].is_detector
    assert groups[1].runs[0].checkpoint == runs / 'seed_0/ce_r8/epoch_2.pth'


def test_another_setting_is_another_group(runs, fashion, tmp_path):
    write_run(tmp_path / 'seed_0/ce_r8', 'ce_r8', 0, 70.0, fashion, **{'optim_wrapper.optimizer.lr': 0.5})
    groups = group_runs(find_runs([runs / 'seed_0/ce_r8', tmp_path]))
    assert [group.name for group in groups] == ['ce_r8', 'ce_r8 #2']
    assert differing_settings(groups) == {'optim_wrapper.optimizer.lr': ['0.1', '0.5']}


def test_curves_count_epochs(runs):
    run = find_runs([runs / 'seed_1/hssakd_r8'])[0]
    assert run.curve('acc_p') == ([0.5, 1.0, 1.5, 2.0], [20.0, 40.0, 60.0, 80.0])
    assert run.curve('accuracy/top1') == ([1, 2], [82.0, 86.0]) and run.unit == 'epochs'
    assert run.metrics(training=False) == ['accuracy/top1']
    assert run.metrics(training=True) == ['loss', 'loss_task', 'acc_p', 'loss_kl_q', 'acc_q1', 'acc_q2', 'acc_q3']


def test_settings():
    assert flatten(dict(a=dict(b=1), c=[dict(d=2)], e=[1, 2], f={})) == {'a.b': 1, 'c.0.d': 2, 'e': [1, 2], 'f': {}}
    assert setting('/runs/x/seed_3/kd_r8/epoch_1.pth') == 'kd_r8/epoch_1.pth'
    assert setting('work_dirs/seed_3/x') == 'work_dirs//x'


def test_refusals(tmp_path):
    with pytest.raises(FileNotFoundError, match='no such work dir'):
        find_runs([tmp_path / 'none'])
    with pytest.raises(FileNotFoundError, match='holds no run.*Give the --work-dir'):
        find_runs([tmp_path])


def test_a_run_without_a_checkpoint(runs, tmp_path):
    run = find_runs([runs / 'teacher'])[0]
    run.work_dir = tmp_path
    with pytest.raises(FileNotFoundError, match='holds no checkpoint'):
        run.checkpoint  # noqa: B018
