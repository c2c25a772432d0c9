"""The OpenMMLab packages that mmhssakd runs on: the classic ones, or their maintained forks, never both."""

import importlib.metadata
import re
import sys
from contextlib import suppress
from typing import Dict, List, NamedTuple, Optional, Tuple


class Package(NamedTuple):
    """One package of a stack."""

    names: Tuple[str, ...]  # distributions, any one of which provides it; the first is what to install
    lowest: str
    limit: str  # the first version that is too new


# Ranges in which mmhssakd was tried, by the name that is imported. pyproject.toml and the lock files follow them.
STACKS: Dict[str, Dict[str, Package]] = {
    'classic': dict(
        mmengine=Package(('mmengine',), '0.10.7', '0.11'),
        mmcv=Package(('mmcv-lite', 'mmcv'), '2.1.0', '2.2.0'),
        mmdet=Package(('mmdet',), '3.3.0', '3.4'),
        mmpretrain=Package(('mmpretrain',), '1.2.0', '1.3'),
    ),
    'onedl': dict(
        mmengine=Package(('onedl-mmengine',), '0.10.12', '0.11'),
        mmcv=Package(('onedl-mmcv',), '2.3.6', '2.4'),
        mmdet=Package(('onedl-mmdetection',), '3.5.1', '3.6'),
        mmpretrain=Package(('onedl-mmpretrain',), '1.3.6', '1.4'),
    ),
}
PYTHONS = ((3, 10), (3, 13))  # the first and the last


def installed() -> Dict[str, str]:
    """Version of each distribution of either stack that is installed."""
    found = {}
    for name in [name for stack in STACKS.values() for package in stack.values() for name in package.names]:
        with suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found


def of_stack(stack: str, found: Dict[str, str]) -> List[str]:
    """Those of the installed distributions that belong to a stack."""
    return [name for package in STACKS[stack].values() for name in package.names if name in found]


def current(found: Optional[Dict[str, str]] = None) -> str:
    """Name of the stack that is installed (``found``, or looked up): 'onedl' if any package of the forks is there."""
    return 'onedl' if of_stack('onedl', installed() if found is None else found) else 'classic'


def check() -> None:
    """Compare what is installed with :data:`STACKS` and :data:`PYTHONS`.

    Raises:
        ImportError: A package is missing, outside its range, or of another stack than the others, or this Python cannot
            run them. The message says what to do.
    """
    check_python()
    found = installed()
    stack = current(found)
    other = of_stack('classic', found) if stack == 'onedl' else []
    if other:
        raise ImportError(
            f'Packages of two stacks are installed: {", ".join(of_stack(stack, found))} and {", ".join(other)}. '
            'They own the same folders, so each breaks the other. Make an environment anew, of one of them: '
            'bash tools/setup_env.sh --stack classic (or onedl).'
        )
    for module, package in STACKS[stack].items():
        check_package(module, package, {name: found[name] for name in package.names if name in found})


def check_python() -> None:
    """Refuse, by an ``ImportError``, a Python that the packages do not run on."""
    version, (first, last) = sys.version_info[:2], PYTHONS
    if first <= version <= last:
        return
    reason = 'torch has no wheels for it' if version < first else 'mmengine and mmcv call functions that it removed'
    raise ImportError(
        f'mmhssakd does not run on Python {version[0]}.{version[1]}: {reason}. '
        f'Use Python {first[0]}.{first[1]} to {last[0]}.{last[1]}.'
    )


def check_package(module: str, package: Package, found: Dict[str, str]) -> None:
    """Check the package that is imported as ``module``, of which the distributions ``found`` are installed.

    Raises:
        ImportError: There is none, there are two, or it is outside its range.
    """
    name, need = package.names[0], f'>={package.lowest},<{package.limit}'
    if not found:
        raise ImportError(f'mmhssakd needs {module}, which is not installed. Run: pip install "{name}{need}"')
    if len(found) > 1:
        raise ImportError(
            f'{" and ".join(found)} are both installed. They own the same folder, and one has overwritten the other. '
            f'Run: pip uninstall -y {" ".join(found)}; pip install "{name}{need}"'
        )
    ((name, version),) = found.items()
    if not numbers(package.lowest) <= numbers(version) < numbers(package.limit):
        raise ImportError(f'mmhssakd needs {name}{need}, but {version} is installed. Run: pip install "{name}{need}"')


def numbers(version: str) -> Tuple[int, ...]:
    """The numbers of a version, to compare it."""
    return tuple(int(number) for number in re.findall(r'\d+', version)[:3])


def check_torchvision() -> None:
    """Refuse, by an ``ImportError``, a torchvision whose operators were compiled for another torch."""
    try:
        from torchvision.extension import _assert_has_ops

        _assert_has_ops()
    except (ImportError, RuntimeError, OSError) as error:
        torch, torchvision = (importlib.metadata.version(name) for name in ('torch', 'torchvision'))
        wants = [line for line in importlib.metadata.requires('torchvision') or [] if line.startswith('torch')]
        raise ImportError(
            f'torchvision {torchvision} does not work with torch {torch} ({error}). It needs '
            f'{wants[0] if wants else "the torch of its release"}: install both in one call of pip.'
        ) from None
