"""Tests and quickstart on every Python and stack, each in an environment of its own under work_dirs/matrix.

nox -s tests                                     the whole matrix
nox -s "tests(python='3.12', stack='onedl')"     one cell of it
"""

import json
import os
import runpy
import shutil
import subprocess
import time
import xml.etree.ElementTree as ET
from pathlib import Path

import nox

ROOT = Path(__file__).parent
KNOWN = runpy.run_path(str(ROOT / 'mmhssakd/compat/stacks.py'))  # without the package, which needs torch
STACKS = list(KNOWN['STACKS'])
PYTHONS = [f'3.{minor}' for minor in range(KNOWN['PYTHONS'][0][1], KNOWN['PYTHONS'][1][1] + 1)]
MATRIX = [(python, stack) for python in PYTHONS for stack in STACKS]
OUT = ROOT / 'work_dirs/matrix'

nox.options.sessions = ['tests']


def find_python(session: nox.Session, version: str) -> str:
    """Path of a Python: on PATH, of pyenv, or of uv. An error if there is none."""
    pyenv = Path(os.environ.get('PYENV_ROOT', Path.home() / '.pyenv')) / 'versions'
    candidates = [shutil.which(f'python{version}'), *sorted(pyenv.glob(f'{version}.*/bin/python'))]
    if shutil.which('uv'):
        find = ['uv', 'python', 'find', '--system', '--no-python-downloads', version]
        candidates.append(subprocess.run(find, capture_output=True, text=True).stdout.strip())
    for python in filter(None, candidates):
        # pyenv's python3.12 is on PATH even where pyenv would not run it
        if subprocess.run([python, '-c', 'import venv'], capture_output=True).returncode == 0:
            return str(python)
    session.error(f'No Python {version} on PATH, in {pyenv}, or known to uv. Install it: uv python install {version}')


def cell(session: nox.Session, stack: str, script: str, *args: str) -> None:
    """Set up one environment, run one script with it, and add a line to work_dirs/matrix.jsonl."""
    python = find_python(session, session.python)
    folder = OUT / f'{session.python}-{stack}'
    folder.mkdir(parents=True, exist_ok=True)
    venv, report = folder / 'venv', folder / 'tests.xml'
    report.unlink(missing_ok=True)  # an earlier run's
    env = dict(MMHSSAKD_PYTHON=str(venv / 'bin/python'))
    session.run('bash', 'tools/setup_env.sh', '--python', python, '--stack', stack, '--venv', str(venv), '--tests')
    start, done = time.time(), False
    try:
        session.run('bash', script, *args, *session.posargs, env=env)
        done = True
    finally:
        line = dict(session=session.name, python=session.python, stack=stack, ok=done, **counts(report))
        line.update(seconds=round(time.time() - start), date=time.strftime('%Y-%m-%d'))
        with open(ROOT / 'work_dirs/matrix.jsonl', 'a') as file:
            file.write(json.dumps(line) + '\n')


def counts(report: Path) -> dict:
    """Numbers of tests in pytest's report; none if it wrote no report."""
    if not report.is_file():
        return {}
    suite = next(ET.parse(report).iter('testsuite'))  # noqa: S314  pytest wrote it
    number = {name: int(suite.get(name)) for name in ('tests', 'failures', 'errors', 'skipped')}
    failed = number['failures'] + number['errors']
    return dict(passed=number['tests'] - failed - number['skipped'], failed=failed, skipped=number['skipped'])


@nox.session(venv_backend='none')
@nox.parametrize('python,stack', MATRIX)
def tests(session: nox.Session, stack: str) -> None:
    """The whole test suite; what follows -- goes to pytest."""
    cell(session, stack, 'tools/run_tests.sh', f'--junitxml={OUT}/{session.python}-{stack}/tests.xml')


@nox.session(venv_backend='none')
@nox.parametrize('python,stack', MATRIX)
def quickstart(session: nox.Session, stack: str) -> None:
    """The short quickstart, in a folder of its own, so that it trains anew."""
    folder = OUT / f'{session.python}-{stack}/quickstart'
    shutil.rmtree(folder, ignore_errors=True)
    cell(session, stack, 'tools/quickstart.sh', '--quick', '--work-dir', str(folder))
