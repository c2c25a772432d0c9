"""The picture of floors in docs/architecture.md is true: imports of the package point downwards."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PICTURE = re.search(r'```text\n(.*?)```', (ROOT / 'docs/architecture.md').read_text(), re.DOTALL).group(1)
FLOORS = {room: floor for floor, line in enumerate(reversed(PICTURE.splitlines())) for room in re.findall(r'\w+', line)}
FILES = [
    file.relative_to(ROOT)
    for file in (ROOT / 'mmhssakd').rglob('*.py')
    if '.mim' not in file.parts and file.name != '__init__.py'
]


def room(parts: tuple) -> str:
    """The innermost room of the picture that a module is in."""
    return [part for part in parts if part in FLOORS][-1]


def imported(file: Path) -> list:
    """Parts of the names of all modules of the package that a file imports from another folder."""
    found = []
    for node in ast.walk(ast.parse((ROOT / file).read_text())):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = file.parts[: -node.level]
            names = [node.module.split('.')] if node.module else [[alias.name] for alias in node.names]
            found += [(*base, *name) for name in names]
        elif isinstance(node, ast.ImportFrom) and node.module.split('.')[0] == 'mmhssakd':
            found += [(*node.module.split('.'), alias.name) for alias in node.names]
        elif isinstance(node, ast.Import):
            found += [tuple(alias.name.split('.')) for alias in node.names if alias.name.startswith('mmhssakd.')]
    return found


@pytest.mark.parametrize('file', FILES, ids=str)
def test_imports_point_downwards(file):
    here = room(file.with_suffix('').parts)
    for parts in imported(file):
        there = room(('version', *parts))  # __version__ is the one name that the package itself gives
        assert there == here or FLOORS[there] < FLOORS[here], f'{file} imports {".".join(parts)}'


def test_every_folder_is_in_the_picture():
    rooms = {part for file in FILES for part in file.parts[1:-1]}
    assert rooms - {'models', 'hooks', 'launch', 'loops', 'optimizers', 'transforms'} <= set(FLOORS)
