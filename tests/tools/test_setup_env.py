"""The set-up says what is wrong, and goes on from there when it is called again. Nothing is downloaded here."""

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CLOSED = 'http://127.0.0.1:9/simple'  # nobody listens there


@pytest.fixture
def setup(tmp_path):
    """Call the set-up with an environment of its own; programs of the test come first on PATH."""

    def call(*options, venv: str = 'venv', **env: str) -> subprocess.CompletedProcess:
        return subprocess.run(
            ['bash', ROOT / 'tools/setup_env.sh', '--venv', tmp_path / venv, *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=dict(clean, PATH=f'{tmp_path}/bin:{os.environ["PATH"]}', **env),
        )

    clean = {name: value for name, value in os.environ.items() if name != 'MMHSSAKD_PYTHON'}
    return call


def program(folder: Path, name: str, script: str) -> Path:
    file = folder / 'bin' / name
    file.parent.mkdir(exist_ok=True)
    file.write_text(f'#!/bin/bash\n{script}\n')
    file.chmod(0o755)
    return file


@pytest.mark.parametrize('version, reason', [('3, 9', 'torch has no wheels'), ('3, 14', 'functions that it removed')])
def test_another_python_is_refused_by_name(version, reason, setup, tmp_path):
    code = f'import sys; sys.version_info = ({version}, 0)\n'
    python = program(tmp_path, 'other', f'exec {sys.executable} -c "{code}$2"')
    said = setup('--python', python)
    name = version.replace(', ', '.')
    assert said.returncode and f'does not run on Python {name}: ' in said.stdout and reason in said.stdout
    assert not (tmp_path / 'venv').exists()


def test_no_such_python(setup):
    said = setup('--python', '3.99')
    assert said.returncode and 'no Python 3.99 with the venv module was found' in said.stdout


@pytest.mark.parametrize('options', [('--stack', 'other'), ('--stack',), ('--flavor', 'x')])
def test_wrong_options(options, setup):
    said = setup(*options)
    assert said.returncode and 'ERROR' in said.stdout and options[0] in said.stdout


def test_no_network(setup, tmp_path):
    said = setup(
        UV_DEFAULT_INDEX=CLOSED, UV_HTTP_RETRIES='0', PIP_INDEX_URL=CLOSED, PIP_RETRIES='1', PIP_NO_CACHE_DIR='1'
    )
    assert said.returncode and 'package index cannot be reached' in said.stdout and 'it goes on' in said.stdout
    assert not (tmp_path / 'venv/.ready').exists()


def test_pip_alone_where_only_pip_knows_the_index(setup, tmp_path):
    program(tmp_path, 'uv', f'touch {tmp_path}/called; exit 1')
    said = setup(PIP_INDEX_URL=CLOSED, PIP_RETRIES='1', UV_DEFAULT_INDEX='', PIP_NO_CACHE_DIR='1')
    assert "pip's settings name a package index: installing with pip" in said.stdout
    assert not (tmp_path / 'called').exists() and 'cannot be reached' in said.stdout


def test_a_full_disk_and_the_next_call(setup, tmp_path):
    """uv fails as it does on a full disk; the next call goes on in the same environment, a third has nothing to do."""
    packages = sysconfig.get_path('purelib')
    name = f'lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages/test.pth'
    uv = f"""
if [ -f {tmp_path}/second ]; then echo {packages} >{tmp_path}/venv/{name}; exit 0; fi
touch {tmp_path}/second; echo "error: failed to write: No space left on device (os error 28)"; exit 2"""
    program(tmp_path, 'uv', uv)
    python = ('--python', sys.executable)
    stack = ('--stack', 'onedl' if 'onedl' in str(sorted(os.listdir(packages))) else 'classic')
    first = setup(*python, *stack, UV_DEFAULT_INDEX=CLOSED)
    assert first.returncode and 'the disk is full' in first.stdout and not (tmp_path / 'venv/.ready').exists()
    second = setup(*python, *stack, UV_DEFAULT_INDEX=CLOSED, PYTHONPATH=str(ROOT))
    assert not second.returncode and 'nms works' in second.stdout and 'making' not in second.stdout
    third = setup()
    assert not third.returncode and third.stdout == f'[setup] ready: {tmp_path}/venv\n'
    other = setup('--stack', 'classic' if stack[1] == 'onedl' else 'onedl', UV_DEFAULT_INDEX=CLOSED)
    assert f'making {tmp_path}/venv with' in other.stdout


def test_somebody_elses_environment_keeps_its_torch(setup, tmp_path):
    said = setup(MMHSSAKD_PYTHON=sys.executable)
    assert not said.returncode and said.stdout == f'[setup] ready: {sys.executable}\n'
    python = program(tmp_path, 'bare', 'exit 1')
    said = setup(MMHSSAKD_PYTHON=str(python))
    assert said.returncode and 'cannot import torch and torchvision' in said.stdout
