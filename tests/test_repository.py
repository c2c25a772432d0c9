"""Workflows, templates, container, versions and the matrix agree with the files and tables that they speak of."""

import json
import re
import runpy
import sys
from itertools import product
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import MagicMock

import pytest
import yaml

from mmhssakd import __version__
from mmhssakd.compat.stacks import PYTHONS, STACKS

ROOT = Path(__file__).parents[1]
ALL_PYTHONS = [f'3.{minor}' for minor in range(PYTHONS[0][1], PYTHONS[1][1] + 1)]
WORKFLOWS = sorted((ROOT / '.github/workflows').glob('*.yml'))
FORMS = [file for file in sorted((ROOT / '.github/ISSUE_TEMPLATE').glob('*.yml')) if file.stem != 'config']


def read(file: Path) -> dict:
    return yaml.safe_load(file.read_text())


def missing(command: str) -> list:
    """Files that a command names and the repository lacks."""
    named = re.findall(r'\b(?:tools|tests|docs|configs|mmhssakd)/[\w./-]+', command)
    return [file for file in named if not (ROOT / file).exists()]


@pytest.mark.parametrize('file', WORKFLOWS, ids=lambda file: file.stem)
def test_workflow(file):
    workflow = read(file)
    assert workflow['permissions'] == {'contents': 'read'} and workflow['concurrency']
    assert {'push', 'pull_request'} <= set(workflow[True])  # YAML 1.1 reads "on" as true
    steps = [step for job in workflow['jobs'].values() for step in job['steps']]
    assert steps and all(('uses' in step) != ('run' in step) for step in steps)
    for step in steps:
        assert not missing(step.get('run', ''))
        assert re.fullmatch(r'[\w-]+/[\w-]+@v\d+(\.\d+)*', step.get('uses', 'actions/checkout@v1'))


def test_one_version_of_each_action():
    used = {line for file in WORKFLOWS for line in re.findall(r'uses: (\S+)', file.read_text())}
    assert len(used) == len({action.split('@')[0] for action in used})


def test_the_workflow_tests_every_python_and_stack():
    matrix = read(ROOT / '.github/workflows/tests.yml')['jobs']['tests']['strategy']['matrix']
    lists = {key: [json.loads(found) for found in re.findall(r"'(\[.*?\])'", matrix[key])] for key in matrix}
    assert lists == dict(python=[['3.11'], ALL_PYTHONS], stack=[['classic'], list(STACKS)])


def test_forms():
    assert len(FORMS) == 2
    for file in FORMS:
        form = read(file)
        assert form['name'] and form['description'] and not missing(file.read_text())
        ids = [field['id'] for field in form['body']]
        assert len(set(ids)) == len(ids) and all(field['attributes']['label'] for field in form['body'])
    assert 'python tools/check_env.py' in FORMS[0].read_text()
    assert not missing((ROOT / '.github/PULL_REQUEST_TEMPLATE.md').read_text())


def test_pre_commit_runs_ruff_twice_and_mypy():
    hooks = read(ROOT / '.pre-commit-config.yaml')['repos'][0]['hooks']
    assert [hook['entry'].split(' --')[0] for hook in hooks[:3]] == ['ruff check', 'ruff format', 'mypy']
    assert not [file for hook in hooks for file in missing(hook['entry'])]


def test_container():
    lines = [line for line in (ROOT / 'Dockerfile').read_text().splitlines() if not line.startswith('#')]
    words = [line.split(maxsplit=1) for line in lines]
    assert words[0][0] == 'FROM' and {word for word, _ in words} <= {'FROM', 'RUN', 'WORKDIR', 'COPY', 'ENV', 'CMD'}
    assert re.search(r'3\.\d+', words[0][1]).group() in ALL_PYTHONS
    assert not [file for word, rest in words if word in ('RUN', 'CMD') for file in missing(rest)]
    copied = [source for word, rest in words if word == 'COPY' for source in rest.split()[:-1]]
    assert copied and all((ROOT / source).exists() for source in copied)


def test_changelog_and_citation_have_the_version():
    heading = re.search(r'^## (.*)$', (ROOT / 'CHANGELOG.md').read_text(), re.M).group(1)
    citation = read(ROOT / 'CITATION.cff')
    assert heading == f'{__version__} ({citation["date-released"]})' and citation['version'] == __version__


@pytest.fixture
def noxfile(monkeypatch) -> dict:
    """Names of noxfile.py; nox itself is not among the packages of the tests."""
    monkeypatch.setitem(sys.modules, 'nox', MagicMock())
    return runpy.run_path(str(ROOT / 'noxfile.py'))


def test_nox_runs_every_python_and_stack(noxfile):
    assert noxfile['MATRIX'] == list(product(ALL_PYTHONS, STACKS))


def test_nox_writes_a_line_for_each_cell(noxfile, tmp_path):
    """A cell that fails has its line as well."""
    report = tmp_path / 'work_dirs/matrix/3.11-onedl/tests.xml'

    def run(*command, **options):
        if 'tools/run_tests.sh' in command:
            report.write_text('<a><testsuite tests="9" failures="2" errors="1" skipped="1"/></a>')
            raise RuntimeError('pytest failed')

    cell = noxfile['cell']
    cell.__globals__.update(ROOT=tmp_path, OUT=tmp_path / 'work_dirs/matrix', find_python=lambda *args: sys.executable)
    session = SimpleNamespace(name='tests', python='3.11', posargs=[], run=run)
    with pytest.raises(RuntimeError, match='pytest failed'):
        cell(session, 'onedl', 'tools/run_tests.sh')
    cell(session, 'classic', 'tools/quickstart.sh')
    first, second = map(json.loads, (tmp_path / 'work_dirs/matrix.jsonl').read_text().splitlines())
    assert (first['python'], first['stack'], first['ok']) == ('3.11', 'onedl', False)
    assert (first['passed'], first['failed'], first['skipped']) == (5, 3, 1)
    assert second['ok'] and second['stack'] == 'classic' and second['seconds'] == 0 and 'passed' not in second


def test_nox_names_a_python_that_is_not_there(noxfile, monkeypatch, tmp_path):
    monkeypatch.setenv('PYENV_ROOT', str(tmp_path))
    session = MagicMock()
    session.error.side_effect = SystemExit
    with pytest.raises(SystemExit):
        noxfile['find_python'](session, '3.99')
    assert 'No Python 3.99 on PATH' in session.error.call_args.args[0]
