"""Every wrong environment is refused at import, with what to do."""

import builtins
import importlib.metadata
import sys
from collections import namedtuple
from pathlib import Path

import pytest

from mmhssakd.compat import stacks

CLASSIC = {'mmengine': '0.10.7', 'mmcv-lite': '2.1.0', 'mmdet': '3.3.0', 'mmpretrain': '1.2.0'}
ONEDL = {'onedl-mmengine': '0.10.12', 'onedl-mmcv': '2.3.6', 'onedl-mmdetection': '3.5.1', 'onedl-mmpretrain': '1.3.6'}


@pytest.fixture
def environment(monkeypatch):
    """Pretend that other distributions are installed."""

    def pretend(found: dict) -> None:
        original = importlib.metadata.version

        def version(name: str) -> str:
            if name not in names:
                return original(name)
            if name not in found:
                raise importlib.metadata.PackageNotFoundError(name)
            return found[name]

        monkeypatch.setattr(importlib.metadata, 'version', version)

    names = {name for stack in stacks.STACKS.values() for package in stack.values() for name in package.names}
    return pretend


def without(name: str, found: dict = CLASSIC) -> dict:
    return {key: value for key, value in found.items() if key != name}


COMPILED = {**without('mmcv-lite'), 'mmcv': '2.1.0'}


@pytest.mark.parametrize('found, stack', [(CLASSIC, 'classic'), (COMPILED, 'classic'), (ONEDL, 'onedl')])
def test_each_stack_is_known(found, stack, environment):
    environment(found)
    stacks.check()
    assert stacks.current() == stack


def test_what_is_installed_here_passes():
    stacks.check()


BAD = {
    'no mmcv': (
        without('mmcv-lite'),
        r'needs mmcv, which is not installed. Run: pip install "mmcv-lite>=2.1.0,<2.2.0"',
    ),
    'no mmcv of the forks': (without('onedl-mmcv', ONEDL), 'needs mmcv.*pip install "onedl-mmcv>=2.3.6,<2.4"'),
    'nothing': ({}, 'needs mmengine.*pip install "mmengine>='),
    'mmcv too new': ({**CLASSIC, 'mmcv-lite': '2.2.0'}, r'needs mmcv-lite>=2.1.0,<2.2.0, but 2.2.0 is installed. Run'),
    'compiled mmcv too old': ({**COMPILED, 'mmcv': '1.7.1'}, 'needs mmcv.*>=2.1.0.*but 1.7.1 is'),
    'mmdet too old': ({**CLASSIC, 'mmdet': '2.28.0'}, r'needs mmdet>=3.3.0,<3.4, but 2.28.0 is'),
    'mmcv-lite over mmcv': (
        {**CLASSIC, 'mmcv': '2.1.0'},
        'mmcv-lite and mmcv are both installed.*overwritten.*pip uninstall -y mmcv-lite mmcv; pip install "mmcv',
    ),
    'two stacks': ({**CLASSIC, **ONEDL}, 'two stacks.*onedl-mmengine, .*mmdet.*setup_env.sh --stack'),
    'one fork among the classic ones': (
        {**without('mmdet'), 'onedl-mmdetection': '3.5.1'},
        'two stacks are installed: onedl-mmdetection and mmengine, mmcv-lite, mmpretrain',
    ),
}


@pytest.mark.parametrize('found, message', BAD.values(), ids=list(BAD))
def test_wrong_packages(found, message, environment):
    environment(found)
    with pytest.raises(ImportError, match=message):
        stacks.check()


Version = namedtuple('Version', 'major minor micro')


@pytest.mark.parametrize(
    'version, message',
    [
        (Version(3, 9, 18), 'does not run on Python 3.9: torch has no wheels.* Use Python 3.10 to 3.13'),
        (Version(3, 14, 0), 'does not run on Python 3.14: mmengine and mmcv call functions that it removed'),
    ],
)
def test_wrong_python(version, message, monkeypatch):
    monkeypatch.setattr(sys, 'version_info', version)
    with pytest.raises(ImportError, match=message):
        stacks.check_python()


def test_torchvision_of_another_torch(monkeypatch):
    """What torchvision raises where its operators do not load."""
    original = builtins.__import__

    def broken(name, *args, **kwargs):
        if name == 'torchvision.extension':
            raise RuntimeError('operator torchvision::nms does not exist')
        return original(name, *args, **kwargs)

    monkeypatch.setattr(builtins, '__import__', broken)
    with pytest.raises(ImportError, match=r'does not work with torch .*torchvision::nms.*It needs torch\W+\d'):
        stacks.check_torchvision()


@pytest.mark.parametrize('stack', stacks.STACKS)
def test_the_extras_have_the_ranges_of_the_stacks(stack):
    project = (Path(__file__).parents[2] / 'pyproject.toml').read_text()
    for package in stacks.STACKS[stack].values():
        assert f'"{package.names[0]}>={package.lowest},<{package.limit}"' in project
