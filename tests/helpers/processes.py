"""Run the tools: as processes, as users do, or in this one, which saves importing everything again."""

import os
import runpy
import subprocess
import sys
from pathlib import Path
from unittest import mock

ROOT = Path(__file__).parents[2]
# Few images, few steps. The folder of images is prepared by tools/run_tests.sh.
SHORT = {
    'train_dataloader.dataset.num_images': 120,
    'train_dataloader.batch_size': 30,
    'train_dataloader.num_workers': 0,
    'val_dataloader.num_workers': 0,
    'test_dataloader.num_workers': 0,
    'val_dataloader.dataset.indices': 200,
    'test_dataloader.dataset.indices': 200,
    'train_cfg.val_interval': 1,
    'default_hooks.checkpoint.interval': 1,
    'default_hooks.logger.interval': 1,
    'randomness.seed': 0,
}


def epochs(number: int) -> dict:
    return {'train_cfg.max_epochs': number, 'param_scheduler.total_steps': 4, 'param_scheduler.end': 4}


def run(*command, options: dict = {}, check: bool = True, env: dict = {}) -> subprocess.CompletedProcess:
    """Run ``python tools/<command>`` (or a shell script of tools) with ``--cfg-options``."""
    script, *arguments = map(str, command)
    start = [sys.executable] if script.endswith('.py') else ['bash']
    cfg_options = ['--cfg-options', *(f'{key}={value}' for key, value in options.items())] if options else []
    environment = dict(os.environ, OMP_NUM_THREADS='1', MMHSSAKD_PYTHON=sys.executable, **env)
    done = subprocess.run(
        [*start, str(ROOT / 'tools' / script), *arguments, *cfg_options],
        cwd=ROOT,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environment,
    )
    if check and done.returncode:
        raise AssertionError(f'{command} ended with {done.returncode}:\n{done.stdout[-5000:]}')
    return done


def call(tool: str, *arguments) -> None:
    """Run ``tools/<tool>`` in this process."""
    with mock.patch.object(sys, 'argv', [tool, *map(str, arguments)]):
        runpy.run_path(str(ROOT / 'tools' / tool), run_name='__main__')
