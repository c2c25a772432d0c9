"""Command lines of every tool: options in any order, without their values, with nonsense for values."""

import argparse
import contextlib
import functools
import io
import random
import runpy
import sys
from collections import Counter
from typing import Any, List
from unittest import mock

from processes import ROOT

from mmhssakd.engine.launch import natural

TOOLS = sorted(
    str(file.relative_to(ROOT)) for file in (ROOT / 'tools').rglob('[a-z]*.py') if 'benchmarks' not in str(file)
)
VALUES = {
    int: ['3', '7'],
    natural: ['3', '7'],
    float: ['0.5', '2'],
    None: ['a/b', 'x y', 'ä,1'],
    dict: ['a.b=1', "c='x, y'", 'd=[1,(2,3)]'],
}
NONSENSE = '|x|-1|1.5|nan|1e99|-|--|-x|--x=1|\0|ä|[|a=[(1,2]|a=(1,[2)]|a=1,(2|=|=1|a==|{}|,'.split('|')


class Captured(Exception):
    """A tool wants to read its command line."""


@functools.cache
def parsers() -> dict:
    """The parser of each tool, and of each command of the package."""
    found = {}

    def capture(parser: argparse.ArgumentParser, *args: Any) -> None:
        raise Captured(parser)

    for tool in [*TOOLS, 'mmhssakd/__main__.py']:
        with mock.patch.object(argparse.ArgumentParser, 'parse_args', capture), mock.patch.object(sys, 'argv', [tool]):
            try:
                runpy.run_path(str(ROOT / tool), run_name='__main__')
            except Captured as error:
                found[tool] = error.args[0]
    commands = next(action for action in found.pop(tool)._actions if isinstance(action.choices, dict)).choices
    return {**found, **commands}


def words(action: argparse.Action, draw: random.Random) -> List[str]:
    """Values that an option takes."""
    if action.nargs == 0:
        return []
    kind = dict if 'DictAction' in type(action).__name__ or action.dest == 'starts' else action.type
    count = action.nargs if isinstance(action.nargs, int) else draw.choice((1, 2)) if action.nargs == '+' else 1
    values = list(map(str, action.choices)) if action.choices else VALUES.get(kind, VALUES[None])
    return [draw.choice(values) for _ in range(count)]


def parse(parser: argparse.ArgumentParser, line: List[str]) -> dict:
    """What a parser makes of a line.

    Raises:
        ValueError: It says that something is wrong with it.
    """
    said = io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(said):
        try:
            return vars(parser.parse_args(line))
        except SystemExit as error:
            if error.code == 2 and ': error: ' in said.getvalue():
                raise ValueError(said.getvalue().splitlines()[-1]) from None
            raise


def fuzz(count: int, seed: int = 0) -> Counter:
    """Read so many command lines, every second one with a fault.

    Returns:
        Counter: How many whole ones were read with the 'same' values in any order; how many with a fault were 'refused'
            by a message or read with 'other' values; all else by its text.
    """
    draw, outcomes, tools = random.Random(seed), Counter(), sorted(parsers().items())
    for i in range(count):
        name, parser = tools[i % len(tools)]
        actions = [action for action in parser._actions if action.dest != 'help']
        options = [a for a in actions if a.option_strings and (a.required or draw.random() < 0.5)]
        groups = [[draw.choice(action.option_strings), *words(action, draw)] for action in options]
        places = [words(action, draw) for action in actions if not action.option_strings]
        expected = parse(parser, [word for group in places + groups for word in group])
        draw.shuffle(groups)
        faulty = i // len(tools) % 2 == 1
        if faulty:
            groups = groups or [['--more']]
            group = draw.choice([*groups, *filter(None, places)])
            place = draw.randrange(len(group))
            group[place : place + 1] = draw.choice(([], [draw.choice(NONSENSE)], [group[place]] * 2))
        order = draw.choice(([*places, *groups], [*groups, ['--'] * bool(places), *places]))
        line = [word for group in order for word in group]
        try:
            found = parse(parser, line)
            outcomes['other' if faulty else 'same' if found == expected else f'{name} {line}: {found}'] += 1
        except ValueError as error:
            outcomes['refused' if faulty and type(error) is ValueError else f'{name} {line}: {error!r}'] += 1
        except (Exception, SystemExit) as error:
            outcomes[f'{name} {line}: {error!r}'] += 1
    return outcomes
