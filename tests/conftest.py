"""Shared by all tests: the package is imported (so everything is registered), and one thread is enough."""

import functools
import signal
from pathlib import Path

import mmengine.config.utils
import pytest
import torch
from fashion_data import make_fashion
from mmengine.logging import MMLogger
from mmengine.registry import DefaultScope
from written_run import write_run

import mmhssakd  # noqa: F401

# mmengine reads the whole model index of mmpretrain or mmdet for each "mmpretrain::" base: once is enough here.
mmengine.config.utils._get_cfg_metainfo = functools.lru_cache(maxsize=None)(mmengine.config.utils._get_cfg_metainfo)


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


@pytest.fixture(autouse=True)
def nothing_left_behind():
    """The next test starts without a runner's default scope and log (runs of one second share a log's name), and with
    the handler of SIGTERM that was there: sweeps take it over for the rest of a process.
    """
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)
    DefaultScope._instance_dict.clear()
    MMLogger._instance_dict.clear()


@pytest.fixture(scope='session')
def fashion(tmp_path_factory) -> Path:
    """A data set of 60 test images."""
    return make_fashion(tmp_path_factory.mktemp('fashion'))


@pytest.fixture(scope='session')
def runs(tmp_path_factory, fashion) -> Path:
    """A teacher, two seeds of the student alone, two of HSSAKD."""
    root = tmp_path_factory.mktemp('runs')
    write_run(root / 'teacher', 'teacher_r8', 0, 88.0, fashion)
    for seed in (0, 1):
        write_run(root / f'seed_{seed}/ce_r8', 'ce_r8', seed, 77.0 + seed, fashion)
        write_run(
            root / f'seed_{seed}/hssakd_r8',
            'hssakd_r8',
            seed,
            84.0 + 2 * seed,
            fashion,
            **{'model.teacher.checkpoint': str(root / 'teacher/epoch_2.pth')},
        )
    return root
