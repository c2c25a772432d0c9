import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import config_losses
import golden
import pytest
import sweep as tool
from fashion_data import make_fashion
from mmengine.config import Config, DictAction

from mmhssakd.engine.launch.keys import check_options
from mmhssakd.experiments import make_sweep, read_sweep
from mmhssakd.experiments.launch import LocalLauncher
from mmhssakd.experiments.screen import Screen

ROOT = Path(__file__).parents[2]
SWEEPS = sorted((ROOT / 'configs/sweeps').glob('*.json'))
ARMS = {
    'teacher': {'seed': 0, 'folder': 'teacher', 'top1': 80},
    'CE': {},
    'KD / x': {'needs': {'model.teacher.checkpoint': 'teacher'}, 'top1': 50, 'folder': 'seed_{seed}/kd'},
}


def run(seeds=(0, 1), jobs=2, arms=ARMS, verbose=False):
    made = dict(title='A title', work_dir='sweep', config='config.py', options={'seed': '{seed}'}, baseline=['CE'])
    sweep = make_sweep(dict(made, arms=arms), seeds)
    with Screen(verbose) as screen:
        return sweep, sweep.run(LocalLauncher(jobs), screen)


def test_trials_run_once_those_that_are_needed_first(trainer, capsys):
    sweep, results = run()
    assert [(r['name'], r['seed']) for r in results] == [
        ('teacher', 0),
        ('CE', 0),
        ('KD / x', 0),
        ('CE', 1),
        ('KD / x', 1),
    ]
    assert [trial.folder for trial in sweep.trials][:3] == ['teacher', 'seed_0/CE', 'seed_0/kd']
    assert [r['metrics']['accuracy/top1'] for r in results] == [80, 40, 50, 41, 51]
    said = capsys.readouterr().out
    assert said.startswith('A title: 5 trials in sweep\nteacher, seed 0: started, log: sweep/teacher/trial.log\n')
    assert 'KD / x, seed 1: top1 51.00 %, ' in said and '\x1b' not in said and 'threads' not in said
    assert f'threads {max(1, os.cpu_count() // 2)}' in (sweep.work_dir / 'teacher/trial.log').read_text()
    before = {trial.log: trial.log.stat().st_mtime_ns for trial in sweep.trials}
    assert run()[1] == results
    assert {log: log.stat().st_mtime_ns for log in before} == before
    assert 'teacher, seed 0: finished before, top1 80.00 %' in capsys.readouterr().out


@pytest.fixture(autouse=True)
def no_threads_of_ours(monkeypatch):
    monkeypatch.delenv('OMP_NUM_THREADS', raising=False)


def test_verbose_prints_what_the_trials_print(trainer, capsys):
    run(seeds=[3], jobs=1, verbose=True)
    assert '[CE, seed 3] threads None randomness.seed=3 seed=3\n' in capsys.readouterr().out


def test_a_check_shows_no_results(trainer, capsys, monkeypatch, tmp_path):
    made = dict(
        title='A check', work_dir='sweep', config='config.py', baseline=['CE'], seeds=[0], arms=ARMS, check=True
    )
    (tmp_path / 'check.json').write_text(json.dumps(made))
    monkeypatch.setattr(sys, 'argv', ['sweep.py', 'check.json'])
    tool.main()
    said = capsys.readouterr().out
    assert (
        'Everything works: 3 trainings ran.' in said and '%' not in said and 'top1' not in said and ' over ' not in said
    )
    assert '40.00' in (tmp_path / 'sweep/sweep.md').read_text()


def test_a_trial_fails(trainer, capsys):
    arms = {**ARMS, 'teacher': {**ARMS['teacher'], 'fail': 1}, 'CE': {'folder': 'slow/{seed}'}}
    with pytest.raises(RuntimeError, match='^teacher, seed 0 failed. The same command goes on'):
        run(arms=arms)
    said = capsys.readouterr().out
    assert 'FAILED, exit status 1. The last lines of its log:\n' in said and '    the disk is full\n' in said
    assert '    The whole log: sweep/teacher/trial.log' in said and 'KD' not in said
    assert 'CE, seed 0: top1' in said  # it was under way


@pytest.mark.parametrize('check', [False, True])
def test_the_last_lines_say_what_was_seen(trainer, tmp_path, monkeypatch, capsys, check):
    arms = {'CE': {}, 'KD': {'top1': 50}, 'from CE': {'map': 1}, 'from KD': {'map': 1}}
    sweep = dict(config='config.py', baseline=['CE', 'from CE'], seeds=[0, 1], arms=arms, check=check)
    (tmp_path / 'a.json').write_text(json.dumps(sweep))
    monkeypatch.setattr(sys, 'argv', ['sweep.py', 'a.json'])
    tool.main()
    first, second = capsys.readouterr().out.splitlines()[-2:]
    sure = 'over CE (95 % interval +10.00 to +10.00, 2 seeds), at 1.0 times its training time.'
    assert (first == f'KD: +10.00 points {sure}') != check
    assert second.startswith('from KD: +0.00 points over from CE (95 % interval +0.00') != check


def test_tables_by_metric(trainer):
    sweep, results = run(arms={'CE': {}, 'online': {'top1': 50}, 'detector': {'map': 1}})
    classifiers, detectors = sweep.write(results).split('\n\n')
    assert '| online (2 seeds) | 50.50 ± 0.71 | 49.50 ± 0.71 | +10.00 (+10.00 to +10.00) | 1 | 100 |' in classifiers
    assert detectors.splitlines()[2] == '| detector (2 seeds) | 25.00 ± 0.00 | 50.00 ± 0.00 | 1 | 100 |'
    assert json.loads((sweep.work_dir / 'sweep.json').read_text()) == results
    assert detectors in (sweep.work_dir / 'sweep.md').read_text()


def test_a_signal_ends_the_trials(trainer, tmp_path):
    (tmp_path / 'home/tools/train.py').unlink()
    (tmp_path / 'home/tools/train.py').write_text('import time; print("go", flush=True); time.sleep(100)')
    (tmp_path / 'sweep.json').write_text(json.dumps(dict(config='config.py', arms={'CE': {}})))
    script = 'import sys, pathlib; from mmhssakd import apis; apis.home = lambda: pathlib.Path("home");'
    script += f'sys.path.append("{ROOT}/tools"); import sweep; sys.argv = ["", "sweep.json"]; sweep.main()'
    process = subprocess.Popen(
        [sys.executable, '-c', script], env=dict(os.environ, PYTHONPATH=str(ROOT)), stdout=subprocess.PIPE, text=True
    )
    log = tmp_path / 'work_dirs/sweeps/sweep/seed_0/CE/trial.log'
    while not (log.is_file() and log.read_text()) and process.poll() is None:
        time.sleep(0.1)
    process.send_signal(signal.SIGTERM)
    assert 'Interrupted: the trials save and stop' in process.communicate(timeout=120)[0] and process.returncode == 130
    children = subprocess.run(['pgrep', '-f', str(tmp_path / 'work_dirs')], capture_output=True).stdout
    assert not children


@pytest.fixture
def in_project(monkeypatch):
    monkeypatch.chdir(ROOT)


@pytest.mark.parametrize(
    'file',
    [f for f in SWEEPS if not f.stem.startswith(('quickstart', 'paper', 'unlabelled', 'detection', 'budget'))],
    ids=lambda file: file.stem,
)
def test_every_arm_of_a_shipped_sweep_trains_in_another_way(file, in_project):
    trials = make_sweep(read_sweep(file), [3]).trials
    images, data_samples = golden.batch(dict(batch=2, resolution=28, labels=[5, 9]))
    ways = set()
    for trial in trials:
        assert trial.options['train_dataloader.dataset.seed'] == '3'
        cfg = Config.fromfile(trial.config)
        cfg.merge_from_dict({key: DictAction._parse_iterable(str(value)) for key, value in trial.options.items()})
        model = config_losses.build(cfg.model)
        total, _ = model.parse_losses(model(images.float(), data_samples, mode='loss'))
        ways.add((round(total.item(), 5), str(cfg.optim_wrapper)))
    assert len(ways) == len(trials) == len({trial.work_dir for trial in trials})


def test_the_quickstart(in_project):
    full, quick = (
        make_sweep(read_sweep(ROOT / f'configs/sweeps/quickstart{end}.json'), [0, 4]) for end in ('', '-quick')
    )
    assert len(full.trials) == 2 + 2 * 7 and [t.name for t in quick.trials] == [t.name for t in full.trials]
    assert [t.folder for t in full.trials[10:12]] == ['seed_4/kd_r8', 'seed_4/hssakd_r8']
    assert quick.check and not full.check
    for sweep in (full, quick):
        network, teacher, student, detector = (sweep.trials[i] for i in (0, 1, 11, 15))
        assert teacher.needs == [(network, 'model.init_cfg.checkpoint')]
        assert student.needs == [(teacher, 'model.teacher.checkpoint')]
        assert student.options['model.teacher.config'] == teacher.config
        assert detector.needs == [(student, 'model.backbone.init_cfg.checkpoint')] and detector.seed == 4
        assert sweep.trials[12].options['model.backbone.frozen_stages'] == '-1' and not sweep.trials[12].needs
        assert student.options['train_dataloader.dataset.seed'] == '4'
        for trial in sweep.trials:  # settings were chosen before: only here, and in final calls, test images are read
            assert 'detector' in trial.name or trial.options['val_dataloader.dataset.split'] == 'test'
    assert quick.work_dir.name == 'quickstart-quick'
    assert all('train_cfg.max_epochs' in trial.options for trial in quick.trials)


def test_with_and_without_unlabelled_images(in_project):
    """One teacher; every student's labeled images follow the seed, and all take as many steps."""
    trials = make_sweep(read_sweep(ROOT / 'configs/sweeps/unlabelled.json'), [0, 4]).trials
    assert len(trials) == 2 + 2 * 5 and trials[1].needs == [(trials[0], 'model.init_cfg.checkpoint')]
    steps = set()
    for trial in trials[2:]:
        assert trial.name == 'CE' or trial.needs == [(trials[1], 'model.teacher.checkpoint')]
        cfg = Config.fromfile(trial.config)
        cfg.merge_from_dict({key: DictAction._parse_iterable(str(value)) for key, value in trial.options.items()})
        more = 'unlabeled' in trial.name
        labelled = cfg.train_dataloader.dataset.datasets[0] if more else cfg.train_dataloader.dataset
        assert labelled.seed == trial.seed and labelled.num_images == 2000
        shares = cfg.train_dataloader.sampler.get('shares', (1,))
        steps.add(cfg.train_cfg.max_epochs * sum(shares) / shares[0])
    assert len(steps) == 1


def test_starts_of_detectors(in_project):
    """The students are those of the other sweep; each detector's own images taught one of its starts."""
    students, both = (
        make_sweep(read_sweep(ROOT / f'configs/sweeps/{name}.json'), [0]) for name in ('unlabelled', 'detection-starts')
    )
    known = {trial.folder: trial.hash for trial in students.trials}
    assert known.items() <= {trial.folder: trial.hash for trial in both.trials}.items()
    assert both.work_dir == students.work_dir and set(both.baselines) <= {trial.name for trial in both.trials}
    for trial in both.trials[len(known) :]:
        detector, _, start = trial.name.partition(' from ')
        assert [need.name for need, _ in trial.needs] == ([start] if start != 'random' else []) or not start
        roots = {value for key, value in trial.options.items() if key.endswith('data_root')}
        own = {f'data/{(detector if start else trial.name).split()[-1]}'}
        photos_alone = trial.name in ("KD for HSSAKD's time", 'KD, dense', 'HSSAKD, dense')
        assert roots == (set() if photos_alone else own)


def test_the_papers_chain(in_project):
    """Large and small: two teachers, a student of each, detectors from the students and from another start."""
    large, small = (read_sweep(ROOT / f'configs/sweeps/paper{end}.json') for end in ('', '-small'))
    assert large['seeds'] == small['seeds'] == [0]
    chains = []
    for sweep, processes in ((large, None), (large, 3), (small, None)):
        trials = make_sweep(sweep, sweep['seeds'], processes=processes).trials
        needs = {trial.name: [need.name for need, _ in trial.needs] for trial in trials}
        for end, teacher in (('HSSAKD', 'teacher'), ('HSSAKD from the frozen teacher', 'frozen teacher')):
            assert needs[end] == [teacher]
        assert needs['detector from HSSAKD'] == ['HSSAKD']
        assert needs['detector from HSSAKD, frozen teacher'] == ['HSSAKD from the frozen teacher']
        for trial in trials:
            cfg = Config.fromfile(trial.config)
            check_options(cfg, dict(trial.options))
            check_options(cfg, dict.fromkeys(key for _, key in trial.needs))
        chains.append(next(trial for trial in trials if not trial.needs).command())
    assert '--nproc-per-node=8' in chains[0] and '--nproc-per-node=3' in chains[1]
    assert all({'--launcher', 'pytorch', '--auto-scale-lr'} <= set(command) for command in chains[:2])
    assert not {'--launcher', '--auto-scale-lr', 'torch.distributed.run'} & set(chains[2])


@pytest.mark.parametrize(
    'text, error, message',
    [
        (None, FileNotFoundError, 'no such sweep file'),
        ('{', ValueError, 'is no JSON'),
        ('{"arms": {}}', ValueError, 'must have the keys arms and config'),
        ('{"arms": {}, "config": "x", "seed": 1}', ValueError, 'may have arms, baseline, check, config, final'),
        ('{"arms": {"a": {}}, "baseline": "b", "config": "x.py"}', ValueError, "'b' is none of the arms"),
        ('{"arms": {"a": {"needs": {"k": "b"}}}, "config": "x.py"}', ValueError, "'b' is none of the arms"),
        ('{"arms": {"a": {"needs": {"k": "b"}}, "b": {}}, "config": "config.py"}', ValueError, 'a needs b, which must'),
        (
            '{"arms": {"a": {"seeds": [1]}, "b": {"needs": {"k": "a"}}}, "config": "config.py"}',
            ValueError,
            'b needs a, which must stand above it, with the same seeds',
        ),
        ('{"arms": {"a": {"seeds": 1}}, "config": "config.py"}', ValueError, 'arms.a.seeds must be of type list'),
        ('{"arms": {"a": {}}, "config": "x.py"}', FileNotFoundError, "'x.py' is neither a config"),
        ('{"arms": {}, "config": "x.py"}', ValueError, 'sweep.json must have at least one arm'),
        ('{"arms": {"a": 3}, "config": "x.py"}', ValueError, 'sweep.json: arms.a must be of type dict, but is 3'),
        ('{"arms": {"a": {"seed": "1"}}, "config": "x"}', ValueError, "arms.a.seed must be of type int, but is '1'"),
        ('{"arms": {"a": {}}, "config": "x", "seeds": [null]}', ValueError, r'numbers as seeds, but has \[None\]'),
        ('{"arms": {"a": {"seeds": ["1"]}}, "config": "x", "seeds": [0]}', ValueError, r"but has \[0, '1'\]"),
        ('{"_base_": 3, "arms": {"a": {}}, "config": "x"}', ValueError, 'is no JSON, or does not fit its _base_'),
        ('{"arms": {"a": {"folder": "../.."}}, "config": "config.py"}', ValueError, "below .*, but is '../..'"),
        ('{"arms": {"a": {"folder": "/tmp"}}, "config": "config.py"}', ValueError, "below .*, but is '/tmp'"),
        ('{"arms": {"a b": {}, "a_b": {}}, "config": "config.py"}', ValueError, 'trial would work in seed_0/a_b'),
    ],
)
def test_a_sweep_file_that_is_wrong(trainer, tmp_path, text, error, message):
    if text is not None:
        (tmp_path / 'sweep.json').write_text(text)
    with pytest.raises(error, match=message):
        make_sweep(read_sweep(tmp_path / 'sweep.json'), [0])


def test_options_of_an_arm_win(trainer, tmp_path):
    sweep = dict(config='config.py', baseline='a', options={'x': 1, 'y': '{seed}'}, arms={'a': {}, 'b / c': {'x': 2}})
    (tmp_path / 'sweep.json').write_text(json.dumps(sweep))
    trials = make_sweep(read_sweep(tmp_path / 'sweep.json'), [7], tmp_path).trials
    assert [trial.options for trial in trials] == [{'x': '1', 'y': '7'}, {'x': '2', 'y': '7'}]
    assert [trial.work_dir for trial in trials] == [tmp_path / 'seed_7/a', tmp_path / 'seed_7/b_-_c']


def test_an_online_config_is_swept(tmp_path, monkeypatch, capsys):
    data = make_fashion(tmp_path / 'data', train=20, test=20)
    (tmp_path / 'online.py').write_text(f"""
_base_ = '{ROOT}/configs/fashion_mnist/teacher_r8.py'
model = dict(_delete_=True, type='mmhssakd.OnlineHSSAKD', peers=[{{{{_base_.model}}}}] * 2)
train_dataloader = dict(batch_size=10, num_workers=0, dataset=dict(num_images=20, dataset=dict(data_root='{data}')))
val_dataloader = dict(num_workers=0, dataset=dict(data_root='{data}'))
test_dataloader = val_dataloader
val_evaluator = dict(_delete_=True, type='mmhssakd.PeersAccuracy')
train_cfg = dict(max_epochs=1, val_interval=1)
param_scheduler = dict(total_steps=2, end=1)
""")
    (tmp_path / 's.json').write_text(json.dumps(dict(config=str(tmp_path / 'online.py'), arms={'online': {}})))
    out = tmp_path / 'a b, [c]=d\'"'
    monkeypatch.setattr(sys, 'argv', ['sweep.py', f'{tmp_path}/s.json', '--work-dir', str(out), '--seeds', '0'])
    monkeypatch.setenv('PYTHONPATH', str(ROOT))
    tool.main()
    (result,) = json.loads((out / 'sweep.json').read_text())
    assert list(result['metrics']) == ['accuracy/top1', 'accuracy/peer0_top1', 'accuracy/peer1_top1']
    assert (
        '| trial | accuracy/top1 (%) | accuracy/peer0_top1 (%) | accuracy/peer1_top1 (%) |' in capsys.readouterr().out
    )
