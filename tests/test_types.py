"""The package's type hints hold."""

import subprocess
import sys
from pathlib import Path


def test_mypy():
    done = subprocess.run(
        [sys.executable, '-m', 'mypy'],
        cwd=Path(__file__).parents[1],
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    assert done.returncode == 0, done.stdout
