"""Would the tests notice? Small faults are put into the losses, one at a time, and the tests are run on each.

It makes 300 mutants (fixed seed) of ``models/losses``, and of the ``loss`` methods of distillers and classifiers with
the functions that they call. An interrupted run goes on where it was.
"""

import argparse
import ast
import copy
import importlib
import inspect
import json
import os
import random
import sys
from pathlib import Path
from unittest import mock

import pytest
from mmengine.registry import Registry

ROOT = Path(__file__).parents[1]
MODELS = ROOT / 'mmhssakd/models'
FUNCTIONS = {  # None: all of them
    **dict.fromkeys([*sorted((MODELS / 'losses').glob('*_loss.py')), MODELS / 'losses/terms.py', MODELS / 'labels.py']),
    MODELS / 'classifiers/ssa_classifier.py': ('make_views', 'forward_views', 'task_loss', 'auxiliary_losses', 'loss'),
    MODELS / 'distillers/criterion.py': ('kl_q', 'kl_p'),
    MODELS / 'distillers/hssakd.py': ('teach', 'loss'),
    MODELS / 'distillers/online_hssakd.py': ('loss', 'peer_losses'),
}
TESTS = ['losses/test_other_losses', 'losses/test_kd_loss', 'classifiers/test_ssa_classifier', 'distillers/test_hssakd']
TESTS += ['distillers/test_online_hssakd', 'distillers/test_scaling', 'losses/test_extreme_numbers']  # these are slower
TESTS += ['classifiers/test_ssa_golden', 'distillers/test_hssakd_golden']
SWAPS = {ast.Add: ast.Sub, ast.Mult: ast.Div, ast.Lt: ast.LtE, ast.Gt: ast.GtE, ast.Eq: ast.NotEq, ast.Is: ast.IsNot}
SWAPS = {**SWAPS, ast.In: ast.NotIn, **{there: here for here, there in SWAPS.items()}, ast.Pow: ast.Mult}


def changes(node: ast.AST) -> list:
    """Every fault that can be put into a node itself: what it is, and a function that does it."""
    found = []
    if isinstance(node, ast.BinOp) and type(node.op) in SWAPS:
        found.append(('arithmetic', lambda n: setattr(n, 'op', SWAPS[type(n.op)]())))
    if isinstance(node, ast.Compare) and type(node.ops[0]) in SWAPS:
        found.append(('comparison', lambda n: n.ops.__setitem__(0, SWAPS[type(n.ops[0])]())))
    if isinstance(node, ast.Constant) and isinstance(node.value, (int, float)):
        found += [('constant', lambda n, step=step: setattr(n, 'value', n.value + step)) for step in (1, -1)]
    if isinstance(node, (ast.If, ast.IfExp)):
        found.append(('condition', lambda n: setattr(n, 'test', ast.UnaryOp(ast.Not(), n.test))))
    if isinstance(node, ast.Call):
        for part in ('args', 'keywords'):
            for i in range(len(getattr(node, part))):
                found.append((f'argument {part} {i}', lambda n, part=part, i=i: getattr(n, part).pop(i)))
    for i, line in enumerate(node.body if isinstance(getattr(node, 'body', None), list) else []):
        if isinstance(line, (ast.Assign, ast.Expr)) and not isinstance(line.value, ast.Constant):
            found.append((f'dropped: {ast.unparse(line)}', lambda n, i=i: n.body.__setitem__(i, ast.Pass())))
    return found


def places(tree: ast.AST, wanted) -> list:
    """Numbers of the nodes in which a fault may be: those of the functions, but for hints and errors' texts."""
    nodes = list(ast.walk(tree))
    named = [n for n in nodes if isinstance(n, ast.FunctionDef) and (wanted is None or n.name in wanted)]
    inside = {child for function in named for child in ast.walk(function)}
    for node in nodes:
        hints = [getattr(node, name, None) for name in ('annotation', 'returns')]
        hints += [node] if isinstance(node, ast.Raise) else getattr(node, 'decorator_list', [])
        inside -= {child for hint in hints if hint is not None for child in ast.walk(hint)}
    return [i for i, node in enumerate(nodes) if node in inside]


def all_mutants() -> list:
    """File, name and text of every mutant."""
    found = []
    for file, tree in ((file, ast.parse(file.read_text())) for file in FUNCTIONS):
        for place in places(tree, FUNCTIONS[file]):
            for number, (kind, _) in enumerate(changes(list(ast.walk(tree))[place])):
                node = list(ast.walk(mutant := copy.deepcopy(tree)))[place]
                name = f'{file.name}:{node.lineno}:{node.col_offset} {kind}: {ast.unparse(node).splitlines()[0]}'
                changes(node)[number][1](node)
                name += f' -> {ast.unparse(node).splitlines()[0]}'
                found.append((file.relative_to(ROOT), name, ast.unparse(mutant)))
    return found


def put_in(file: Path, text: str) -> None:
    """Give the functions of a module, which is imported already, the code of a mutant's."""

    def functions(names: dict) -> dict:
        here = [thing for thing in names.values() if getattr(thing, '__module__', '') == module.__name__]
        inner = [method for thing in here if inspect.isclass(thing) for method in vars(thing).values()]
        found = (inspect.unwrap(getattr(thing, 'fget', thing)) for thing in here + inner)  # below its decorators
        return {thing.__qualname__: thing for thing in found if inspect.isfunction(thing)}

    module = importlib.import_module('.'.join(file.with_suffix('').parts))
    mutant = dict(__name__=module.__name__, __package__=module.__package__)
    with mock.patch.object(Registry, '_register_module'):
        exec(compile(text, file, 'exec'), mutant)
    for name, function in functions(mutant).items():
        ours = functions(vars(module))[name]
        # without its super() a method would have no cell for its class, which Python refuses
        ours.__code__ = function.__code__.replace(co_freevars=ours.__code__.co_freevars)
        ours.__defaults__, ours.__kwdefaults__ = function.__defaults__, function.__kwdefaults__


def run_tests(room: str = '') -> int:
    """Exit status of pytest; the tests of a room are the first."""
    tests = sorted(TESTS, key=lambda test: not test.startswith(room) or 'golden' in test)
    return int(pytest.main(['-q', '-x', '-n', '0', *(f'tests/models/{test}.py' for test in tests)]))


def kills(file: Path, text: str) -> bool:
    """Whether the tests fail with a mutant; in a fork of this process, which has imported everything."""
    child = os.fork()
    if child == 0:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        put_in(file, text)
        os._exit(run_tests(file.parts[2]))
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--out', default='mutation_check.json', type=Path)
    out = parser.parse_args().out
    done = json.loads(out.read_text()) if out.is_file() else {}
    mutants = random.Random(0).sample(all_mutants(), 300)
    if run_tests():
        sys.exit('The tests fail without any fault.')
    for file, name, text in mutants:
        if name not in done:
            done[name] = 'killed' if kills(file, text) else 'survived'
            out.write_text(json.dumps(done, indent=1))
    print(f'{list(done.values()).count("killed")} of {len(done)} mutants were killed; those that survived are in {out}')


if __name__ == '__main__':
    main()
