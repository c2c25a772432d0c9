"""Shared by all tests: the package is imported (so everything is registered), and one thread is enough."""

import functools
import sys
from pathlib import Path

import mmengine.config.utils
import pytest
import torch
from mmengine.registry import DefaultScope

import mmhssakd  # noqa: F401

for folder in (Path(__file__).parent, Path(__file__).parent / 'models'):
    sys.path.insert(0, str(folder))

# mmengine reads the whole model index of mmpretrain or mmdet for each "mmpretrain::" base: once is enough here.
mmengine.config.utils._get_cfg_metainfo = functools.lru_cache(maxsize=None)(mmengine.config.utils._get_cfg_metainfo)


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


@pytest.fixture(autouse=True)
def no_scope_left_behind():
    """A runner sets mmengine's default scope for the whole process; the next test starts without one."""
    yield
    DefaultScope._instance_dict.clear()
