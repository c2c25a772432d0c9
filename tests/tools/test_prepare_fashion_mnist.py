"""Fashion-MNIST is found wherever it can be had, and nothing is installed for it."""

from pathlib import Path

import pytest
from fashion_data import make_fashion
from processes import call


@pytest.fixture
def prepare(tmp_path, monkeypatch, capsys):
    """Run the tool with a site that does not answer, and an apt-get that has the package of the test's choice."""

    def run(*arguments, packaged: bool) -> str:
        programs = tmp_path / 'bin'
        programs.mkdir()
        data = '$3/usr/share/datasets'
        for name, script in {
            'apt-get': 'case "$*" in *install*) exit 9;; *download*) touch dataset-fashion-mnist_1_all.deb;; esac',
            'dpkg-deb': f'mkdir -p "{data}"; cp -r {tmp_path}/packed "{data}/fashion-mnist"',
        }.items():
            (programs / name).write_text(f'#!/bin/sh\n{script if packaged else "echo no such package; exit 1"}\n')
            (programs / name).chmod(0o755)
        monkeypatch.setenv('PATH', str(programs), prepend=':')
        monkeypatch.setattr('mmpretrain.datasets.utils.download_url_to_file', no_answer)
        monkeypatch.setattr('pathlib.Path.is_file', lambda path: not str(path).startswith('/usr') and exists(path))
        call('dataset_converters/prepare_fashion_mnist.py', '--out', tmp_path / 'out', *arguments)
        return capsys.readouterr().out

    exists = Path.is_file

    def no_answer(*args, **kwargs):
        raise TimeoutError('timed out')

    make_fashion(tmp_path / 'packed', packed=True)
    return run


def files(tmp_path) -> list:
    return sorted(file.name for file in (tmp_path / 'out').iterdir())


FILES = ['t10k-images-idx3-ubyte', 't10k-labels-idx1-ubyte', 'train-images-idx3-ubyte', 'train-labels-idx1-ubyte']


def test_from_debians_package(prepare, tmp_path):
    said = prepare(packaged=True)
    assert 'from its own site (timed out)' in said and 'unpacked and not installed' in said
    assert files(tmp_path) == FILES


def test_from_a_folder(prepare, tmp_path):
    assert str(tmp_path / 'packed') in prepare('--source', tmp_path / 'packed', packaged=False)
    assert files(tmp_path) == FILES


def test_from_nowhere(prepare, capsys):
    with pytest.raises(SystemExit):
        prepare(packaged=False)
    captured = capsys.readouterr()
    assert 'no such package' in captured.out and 'give --source' in captured.err
