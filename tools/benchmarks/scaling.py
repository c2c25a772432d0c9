"""How much faster several processes of tools/dist_train.sh are than one, each with one thread and the same batch."""

import os
import os.path as osp
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Dict, List

import torch
from mmengine.config import Config

from mmhssakd.experiments.runs import Run
from mmhssakd.registry import MODELS
from .pairs import ROOT

FOLDER = osp.join(ROOT, 'configs/fashion_mnist')


def train(processes: int, steps: int, batch_size: int, teacher: str, work_dir: str) -> float:
    """Images a second of all processes together, from the step times of a real training run.

    Raises:
        RuntimeError: The run failed.
    """
    options = {
        'model.teacher.checkpoint': teacher,
        'train_cfg.max_epochs': 1,
        'param_scheduler.total_steps': 2,
        'param_scheduler.end': 2,
        'train_dataloader.batch_size': batch_size,
        'train_dataloader.num_workers': 0,
        'train_dataloader.dataset.num_images': steps * processes * batch_size,
        'default_hooks.logger.interval': 5,
        'default_hooks.checkpoint.interval': -1,
    }
    script, config = osp.join(ROOT, 'tools/dist_train.sh'), osp.join(FOLDER, 'hssakd_r8.py')
    arguments = [str(processes), '--work-dir', work_dir, '--no-validate', '--cfg-options']
    done = subprocess.run(
        ['bash', script, config, *arguments, *(f'{key}={value}' for key, value in options.items())],
        cwd=ROOT,
        env=dict(os.environ, OMP_NUM_THREADS='1', MMHSSAKD_PYTHON=sys.executable),
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    if done.returncode:
        raise RuntimeError(f'dist_train.sh with {processes} processes failed:\n{done.stdout[-3000:]}')
    return processes * Run(Path(work_dir)).speed['images_per_second']


def efficiency(processes: List[int], rounds: int, steps: int, batch_size: int = 64) -> dict:
    """Speed of each number of processes, in turn, and its efficiency against one process.

    Args:
        processes (list[int]): Numbers of processes; 1 is measured as well.
        rounds (int): Turns of each.
        steps (int): Training steps in a turn.
        batch_size (int): Images of one process in a step.

    Returns:
        dict: From number to ``images_per_s`` of each round, and ``efficiency``, 1 being linear.
    """
    speeds: Dict[int, List[float]] = {number: [] for number in sorted({1, *processes})}
    with tempfile.TemporaryDirectory() as folder:
        teacher = osp.join(folder, 'teacher.pth')
        model = MODELS.build(Config.fromfile(osp.join(FOLDER, 'teacher_r8.py')).model)
        torch.save(dict(state_dict=model.state_dict()), teacher)
        for turn in range(rounds):
            for number in speeds:
                speeds[number].append(train(number, steps, batch_size, teacher, osp.join(folder, f'{turn}_{number}')))
    report = {}
    for number, values in speeds.items():
        shares = [value / one / number for value, one in zip(values, speeds[1])]
        report[number] = dict(images_per_s=values, efficiency=sorted(shares)[len(shares) // 2], rounds=shares)
        print(
            f'{number} process(es): {sorted(values)[len(values) // 2]:.1f} images/s, efficiency '
            f'{report[number]["efficiency"]:.2f} (rounds: {min(shares):.2f} to {max(shares):.2f})'
        )
    return report
