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
OUTSIDE = {'configs', 'tests', 'tools', *(file.stem for file in (ROOT / 'tools').glob('*.py'))}


def room(parts: tuple) -> str:
    """The innermost room of the picture that a module is in."""
    return [part for part in parts if part in FLOORS][-1]


def imported(file: Path) -> list:
    """Parts of the names of all that a file imports."""
    found = []
    for node in ast.walk(ast.parse((ROOT / file).read_text())):
        if isinstance(node, ast.ImportFrom):
            base = file.parts[: -node.level] if node.level else ()
            name = node.module.split('.') if node.module else ()
            found += [(*base, *name, alias.name) for alias in node.names]
        elif isinstance(node, ast.Import):
            found += [tuple(alias.name.split('.')) for alias in node.names]
    return found


@pytest.mark.parametrize('file', FILES, ids=str)
def test_imports_point_downwards(file):
    here = room(file.with_suffix('').parts)
    for parts in imported(file):
        assert parts[0] not in OUTSIDE, f'{file} imports {".".join(parts)}'
        there = room(('version', *parts)) if parts[0] == 'mmhssakd' else here  # mmhssakd itself gives __version__
        assert there == here or FLOORS[there] < FLOORS[here], f'{file} imports {".".join(parts)}'


def test_every_folder_is_in_the_picture():
    """And the bottom is where it should be: the views of an image, and the losses, use none of the networks."""
    inside = {file.parts[2 if file.parts[1] == 'models' else 1] for file in FILES if len(file.parts) > 2}
    assert {Path(name).stem for name in inside} <= set(FLOORS)
    assert FLOORS['datasets'] < FLOORS['losses'] < FLOORS['necks'] < FLOORS['classifiers'] < FLOORS['distillers']
