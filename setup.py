"""Install script; the versions come from requirements.txt."""
from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).parent


def requirements() -> tuple:
    """Split requirements.txt into what the package needs and what its tests need.

    torch and torchvision lose their pin here, so that the package can be added to an environment that has its own build of them.
    """
    run, tests = (ROOT / 'requirements.txt').read_text().split('# tests\n')
    run = [line.split('#')[0].strip() for line in run.splitlines()]
    run = [line.split('==')[0] if line.startswith('torch') else line for line in run if line]
    return run, tests.split()


RUN, TESTS = requirements()
VERSION = {}
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
    extras_require=dict(tests=TESTS),
)
