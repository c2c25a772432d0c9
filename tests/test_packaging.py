"""A source distribution and a wheel are built, the wheel is installed, and mim works with it from another folder."""

import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from fashion_data import make_fashion

ROOT = Path(__file__).parents[1]
SHIPPED = (
    'mmhssakd',
    'configs',
    'tools',
    'setup.py',
    'pyproject.toml',
    'requirements.lock',
    'MANIFEST.in',
    'model-index.yml',
    'README.md',
    'LICENSE',
    'CHANGELOG.md',
    'CITATION.cff',
)
PIP = [sys.executable, '-m', 'pip', '--disable-pip-version-check', '-q']


def call(command: list, cwd: Path, **env: str) -> str:
    done = subprocess.run(
        list(map(str, command)),
        cwd=cwd,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=dict(os.environ, OMP_NUM_THREADS='1', PIP_NO_INDEX='1', **env),
    )
    assert not done.returncode, done.stdout[-4000:]
    return done.stdout


@pytest.fixture(scope='module')
def built(tmp_path_factory) -> Path:
    """Folder with the source distribution, and the wheel that was built from it."""
    out = tmp_path_factory.mktemp('dist')
    source = out / 'source'
    source.mkdir()
    for name in SHIPPED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns('__pycache__', '.mim'))
        else:
            shutil.copy(ROOT / name, source / name)
    call([sys.executable, '-c', f'import setuptools.build_meta as b; b.build_sdist({str(out)!r})'], source)
    call([*PIP, 'wheel', '--no-deps', '--no-build-isolation', '-w', out, *out.glob('*.tar.gz')], out)
    return out


@pytest.fixture(scope='module')
def installed(built) -> Path:
    """Folder into which the wheel is installed."""
    target = built / 'target'
    call([*PIP, 'install', '--no-deps', '--target', target, *built.glob('*.whl')], built)
    return target


def test_the_wheel_holds_what_mim_needs(built, installed):
    with tarfile.open(next(built.glob('*.tar.gz'))) as archive:
        names = {name.split('/', 1)[-1] for name in archive.getnames()}
    assert {'LICENSE', 'model-index.yml', 'tools/train.py', 'configs/metafile.yml'} <= names
    mim = installed / 'mmhssakd/.mim'
    for folder in ('configs', 'tools'):
        wanted = {
            str(file.relative_to(ROOT))
            for file in (ROOT / folder).rglob('*')
            if file.is_file() and '__pycache__' not in file.parts
        }
        assert wanted == {
            str(file.relative_to(mim))
            for file in (mim / folder).rglob('*')
            if file.is_file() and '__pycache__' not in file.parts
        }
    assert (mim / 'model-index.yml').read_text() == (ROOT / 'model-index.yml').read_text()
    assert not (mim / 'configs').is_symlink()


def test_an_editable_installation_links_to_the_checkout(built):
    call(
        [sys.executable, '-c', f'import setuptools.build_meta as b; b.build_editable({str(built / "editable")!r})'],
        built / 'source',
    )
    mim = built / 'source/mmhssakd/.mim'
    assert sorted(link.name for link in mim.iterdir()) == ['configs', 'model-index.yml', 'tools']
    assert all(link.is_symlink() and link.resolve() == built / 'source' / link.name for link in mim.iterdir())


def test_mim(installed, tmp_path):
    def mim(*arguments) -> str:
        return call([sys.executable, '-m', 'mim', *arguments], tmp_path, PYTHONPATH=str(installed))

    make_fashion(tmp_path / 'packed', packed=True)
    said = mim('run', 'mmhssakd', 'prepare_fashion_mnist', '--source', tmp_path / 'packed')
    assert f'{installed}/mmhssakd/.mim/tools/dataset_converters/prepare_fashion_mnist.py' in said
    assert len(list((tmp_path / 'data/fashion-mnist').iterdir())) == 4

    options = (
        'train_dataloader.dataset.num_images=60',
        'train_dataloader.batch_size=30',
        'train_dataloader.num_workers=0',
        'val_dataloader.num_workers=0',
        'train_cfg.max_epochs=1',
        'train_cfg.val_interval=1',
        'param_scheduler.total_steps=2',
        'default_hooks.checkpoint.interval=1',
    )
    said = mim('train', 'mmhssakd', 'ce_r8.py', '--gpus', 0, '--work-dir', 'run', '--cfg-options', *options)
    assert f'will use {installed}/mmhssakd/.mim/configs/fashion_mnist/ce_r8.py' in said
    assert 'Training finished successfully' in said and (tmp_path / 'run/epoch_1.pth').is_file()

    said = mim(
        'test',
        'mmhssakd',
        'ce_r8.py',
        '--checkpoint',
        'run/epoch_1.pth',
        '--gpus',
        0,
        '--cfg-options',
        'test_dataloader.num_workers=0',
    )
    assert 'accuracy/top1' in said and 'Testing finished successfully' in said

    said = mim('search', 'mmhssakd', '--config', 'hssakd_r18_imagenet', '--field', 'config')
    assert 'configs/hssakd_r18_imagenet.py' in said
