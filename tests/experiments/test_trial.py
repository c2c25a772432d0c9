import json
import subprocess
import sys
from pathlib import Path

import arms
import pytest


@pytest.fixture
def trainer(monkeypatch):
    """Stand in for train.py: write the logs that a run leaves, or fail."""
    calls = []

    def run(command, **kwargs):
        calls.append(command)
        options = dict(text.split('=', 1) for text in command[command.index('--cfg-options') + 1 :])
        if options.get('fail'):
            return subprocess.CompletedProcess(command, 1)
        folder = Path(command[command.index('--work-dir') + 1])
        (folder / 'now/vis_data').mkdir(parents=True)
        (folder / 'now/vis_data/scalars.json').write_text(
            '\n'.join(
                json.dumps(line)
                for line in [
                    dict(loss=1.0, time=0.1, step=10),
                    {'accuracy/top1': 40.0 + int(options['randomness.seed']), 'step': 1},
                ]
            )
        )
        (folder / 'config.py').write_text('train_dataloader = dict(batch_size=10)')
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(subprocess, 'run', run)
    monkeypatch.setattr(arms, 'run_labelled', lambda command, label, threads: run(command).returncode)
    return calls


def arm(folder, name='CE', seed=0, **options):
    return arms.Arm(name, 'configs/x.py', folder / f'{name}_{seed}', seed, ('accuracy/top1',), options)


@pytest.mark.parametrize('jobs', [1, 2])
def test_a_finished_arm_is_not_run_again(trainer, tmp_path, jobs):
    first = arms.run_all([arm(tmp_path, seed=s) for s in (0, 1)], jobs)
    assert [r['metrics']['accuracy/top1'] for r in first] == [40.0, 41.0]
    assert first[0]['seconds'] == 1.0 and first[0]['images_per_second'] == 100.0
    assert arms.run_all([arm(tmp_path, seed=s) for s in (0, 1)], jobs) == first
    assert len(trainer) == 2
    assert '--resume' in trainer[0]


def test_other_options_are_another_run(trainer, tmp_path):
    arm(tmp_path).run()
    with pytest.raises(SystemExit, match='holds a run with other options.*--work-dir'):
        arms.run_all([arm(tmp_path, lr=1)])
    assert len(trainer) == 1


def test_a_failing_arm_says_how_to_go_on(trainer, tmp_path):
    with pytest.raises(SystemExit, match='exit status 1.*Call the same command again'):
        arms.run_all([arm(tmp_path, fail=1)])


def test_lines_of_runs_side_by_side_are_labelled(capsys):
    script = 'import os, sys; print(os.environ["OMP_NUM_THREADS"]); sys.exit("wrong")'
    assert arms.run_labelled([sys.executable, '-c', script], 'KD, seed 3', 5) == 1
    assert sorted(capsys.readouterr().out.splitlines()) == ['[KD, seed 3] 5', '[KD, seed 3] wrong']


def test_table(trainer, tmp_path):
    runs = [arm(tmp_path, name, seed) for name in ('CE', 'KD') for seed in (0, 1, 2)]
    rows = arms.tabulate(arms.run_all(runs), 'CE', 'KD')
    text = arms.markdown(rows, ('CE', 'KD')).splitlines()
    assert text[2] == '| CE | 41.00 ± 1.00 |  | +0.00 (+0.00 to +0.00) | 1 | 100 |'
    assert text[3] == '| KD | 41.00 ± 1.00 | +0.00 (+0.00 to +0.00) |  | 1 | 100 |'
