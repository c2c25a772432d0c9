"""Install script; the versions come from requirements.txt, the settings of other tools from pyproject.toml."""

import os
import shutil
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent
MIM = ('configs', 'tools', 'model-index.yml')  # what OpenMMLab's ``mim`` looks for in mmhssakd/.mim


def requirements() -> tuple:
    """Split requirements.txt into what the package needs and what its tests need.

    torch and torchvision lose their pin here, so that the package can be added to an environment that has its own
    build of them.
    """
    run, tests = (ROOT / 'requirements.txt').read_text().split('# tests\n')
    run = [line.split('#')[0].strip() for line in run.splitlines()]
    run = [line.split('==')[0] if line.startswith('torch') else line for line in run if line]
    tests = [line.split('#')[0].strip() for line in tests.splitlines()]
    return run, [line for line in tests if line]


class BuildPy(build_py):
    """Give the package its ``.mim`` folder: copies in a wheel, links in an editable installation."""

    def run(self) -> None:
        """Build as usual, then fill the folder."""
        super().run()
        target = (ROOT if self.editable_mode else Path(self.build_lib)) / 'mmhssakd' / '.mim'
        shutil.rmtree(target, ignore_errors=True)  # what an earlier build left
        target.mkdir(parents=True)
        for name in MIM:
            if self.editable_mode:
                (target / name).symlink_to(os.path.join('..', '..', name))
            elif (ROOT / name).is_dir():
                shutil.copytree(ROOT / name, target / name, ignore=shutil.ignore_patterns('__pycache__'))
            else:
                shutil.copy(ROOT / name, target / name)


RUN, TESTS = requirements()
VERSION: dict = {}
exec((ROOT / 'mmhssakd' / 'version.py').read_text(), VERSION)

setup(
    name='mmhssakd',
    version=VERSION['__version__'],
    description='OpenMMLab extension for hierarchical self-supervision augmented knowledge distillation (HSSAKD)',
    long_description=(ROOT / 'README.md').read_text(),
    long_description_content_type='text/markdown',
    license='Apache-2.0',
    packages=find_packages(include=['mmhssakd', 'mmhssakd.*']),
    python_requires='>=3.10,<3.13',
    install_requires=RUN,
    extras_require=dict(tests=TESTS, onnx=[line for line in TESTS if line.startswith('onnx')], slurm=['submitit>=1.5']),
    cmdclass=dict(build_py=BuildPy),
)
