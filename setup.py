"""Builds the package's ``.mim`` folder; everything else is in pyproject.toml."""

import os
import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent
MIM = ('configs', 'tools', 'model-index.yml')  # what OpenMMLab's ``mim`` looks for in mmhssakd/.mim


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


setup(cmdclass=dict(build_py=BuildPy))
