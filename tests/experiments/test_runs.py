import json
import shutil

import pytest
from mmengine.config import Config
from written_run import ROOT, write_run

from mmhssakd.experiments.runs import (
    Group,
    Run,
    differences,
    differing_settings,
    find_runs,
    flatten,
    group_runs,
    setting,
    with_unit,
)


def write(work_dir, time, lines):
    folder = work_dir / time / 'vis_data'
    folder.mkdir(parents=True)
    (folder / 'scalars.json').write_text('\n'.join(json.dumps(line) for line in lines) + '\n{"los')


def test_a_resumed_run_is_read_as_one(tmp_path):
    validated = [{'accuracy/top1': 50.0, 'step': 1, 'time': 9.0}, {'accuracy/top1': 60.0, 'step': 2, 'time': 9.0}]
    first, lost, again, last = (
        dict(loss=loss, time=time, step=step)
        for loss, time, step in ((2.0, 0.5, 20), (9.0, 3.0, 30), (1.0, 0.5, 30), (1.0, 0.5, 40))
    )
    write(tmp_path, '20260101_000000', [first, validated[0], lost])
    write(tmp_path, '20260101_000100', [again, last, validated[1]])
    (tmp_path / 'config.py').write_text('train_dataloader = dict(batch_size=32)')
    run = Run(tmp_path)
    assert run.curve('accuracy/top1') == ([1, 2], [50.0, 60.0]) and run.final() == {'accuracy/top1': 60.0}
    assert run.speed == dict(seconds=20.0, images_per_second=64.0)


def test_no_run(tmp_path):
    with pytest.raises(FileNotFoundError, match='not the work dir of a run'):
        Run(tmp_path).config  # noqa: B018
    assert Run(tmp_path).speed == dict(seconds=None, images_per_second=None)


@pytest.mark.parametrize(
    'name, label',
    [
        ('peer0_acc_p', 'peer0_acc_p (%)'),
        ('accuracy/peer1_top1', 'accuracy/peer1_top1 (%)'),
        ('peer1_ce_q2', 'peer1_ce_q2 (nats)'),
        ('voc_11points/AP50', 'voc_11points/AP50 (%)'),
        ('coco/bbox_mAP', 'coco/bbox_mAP (%)'),
        ('loss_bbox', 'loss_bbox'),
    ],
)
def test_units(name, label):
    assert with_unit(name) == label


def test_shares_are_given_in_percent(tmp_path):
    write(tmp_path, 'now', [{'coco/bbox_mAP': 0.25, 'step': 1}])
    assert Run(tmp_path).curve('coco/bbox_mAP') == ([1], [25.0])


def test_runs_are_found_and_grouped_by_their_settings(runs):
    groups = group_runs(find_runs([runs / 'teacher', runs / 'seed_0', runs / 'seed_1', runs / 'seed_0/ce_r8']))
    assert [(group.name, [run.seed for run in group.runs]) for group in groups] == [
        ('ce_r8', [0, 1]),
        ('teacher', [0]),
        ('hssakd_r8', [0, 1]),
    ]
    assert [run.final() for run in groups[0].runs] == [{'accuracy/top1': 77.0}, {'accuracy/top1': 78.0}]
    assert not groups[0].is_detector
    assert groups[0].runs[0].checkpoint == runs / 'seed_0/ce_r8/epoch_2.pth'


def test_another_setting_is_another_group(runs, fashion, tmp_path):
    write_run(tmp_path / 'seed_0/ce_r8', 'ce_r8', 0, 70.0, fashion, **{'optim_wrapper.optimizer.lr': 0.5})
    groups = group_runs(find_runs([runs / 'seed_0/ce_r8', tmp_path]))
    assert [group.name for group in groups] == ['ce_r8', 'ce_r8 #2']
    assert differing_settings(groups) == {'optim_wrapper.optimizer.lr': ['0.05', '0.5']}


def test_a_sweep_names_its_trials(runs, tmp_path):
    folder = shutil.copytree(runs / 'seed_0/ce_r8', tmp_path / 'seed_0/ce_r8')
    (folder / 'trial.json').write_text('{"name": "CE"}')
    assert [group.name for group in group_runs(find_runs([tmp_path]))] == ['CE']


def groups_of(*configs, **options):
    groups = [Group(name, [Run(ROOT)]) for name in configs]
    for group in groups:
        group.runs[0].config = Config.fromfile(ROOT / f'configs/{group.name}.py')
    return groups


def test_settings_of_the_quickstart_are_few():
    names = ('teacher', 'ce', 'kd', 'hssakd')
    rows = differing_settings(groups_of(*(f'fashion_mnist/{name}_r8' for name in names)))
    assert rows['model.type'] == ['mmhssakd.SSAClassifier', 'ImageClassifier', 'mmhssakd.HSSAKD', 'mmhssakd.HSSAKD']
    assert rows['model.auxiliary_neck'] == ['mmhssakd.AuxiliaryNeck', '', 'None', 'mmhssakd.AuxiliaryNeck']
    assert rows['model.teacher'][:3] == [
        '',
        '',
        'fashion_mnist/teacher_r8.py, work_dirs/fashion_mnist/teacher_r8/epoch_7.pth',
    ]
    assert rows['train_cfg.max_epochs'] == ['7', '80', '80', '80']
    assert not [key for key in rows if 'hook' in key or 'param_scheduler' in key or 'in_channels' in key]

    detectors = groups_of(*['detection/faster-rcnn_r8_fpn_fashion-scenes'] * 2)
    detectors[0].runs[0].config.merge_from_dict({'model.backbone.init_cfg': None, 'model.backbone.norm_eval': False})
    starts = differing_settings(detectors)
    assert list(starts) == ['model.backbone.init_cfg', 'model.backbone.norm_eval'] and len(rows) + len(starts) <= 25


def test_lists_of_other_lengths_are_one_setting():
    steps = [dict(type='Load'), dict(type='Flip', prob=0.5)]
    assert differences([dict(model=steps), dict(model=steps[:1])]) == {'model': ['Load, Flip, 0.5', 'Load']}
    assert differences([dict(model=steps), dict(model=[steps[0], dict(steps[1], prob=0.1)])]) == {
        'model.1.prob': ['0.5', '0.1']
    }


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


def test_runs_that_were_replaced_are_left_out(tmp_path):
    for folder in ('ce', 'replaced/ce-20260101_000000'):
        write(tmp_path / folder, '20260101_000000', [])
    assert [run.work_dir for run in find_runs([tmp_path])] == [tmp_path / 'ce']
    assert len(find_runs([tmp_path / 'replaced'])) == 1
