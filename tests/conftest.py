"""Shared by all tests: the package is imported (so everything is registered), and one thread is enough."""
import sys
from pathlib import Path

import pytest
import torch
from mmengine.registry import DefaultScope

import mmhssakd  # noqa: F401

for folder in (Path(__file__).parent, Path(__file__).parent / "models"):
    sys.path.insert(0, str(folder))


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


@pytest.fixture(autouse=True)
def no_scope_left_behind():
    """A runner sets mmengine's default scope for the whole process; the next test starts without one."""
    yield
    DefaultScope._instance_dict.clear()
