import sys
from pathlib import Path

import pytest
from written_run import fashion, runs  # noqa: F401

from mmhssakd.experiments import trial

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(Path(__file__).parent), str(ROOT / 'tools')]


@pytest.fixture
def trainer(monkeypatch, tmp_path):
    """Trials start a stand-in for train.py, in a folder of their own."""
    (tmp_path / 'home/tools').mkdir(parents=True)
    (tmp_path / 'home/tools/train.py').symlink_to(Path(__file__).with_name('stand_in.py'))
    monkeypatch.setattr(trial, 'home', lambda: tmp_path / 'home')
    (tmp_path / 'config.py').write_text("train_cfg = dict(max_epochs=4)\noptim = '{{ fileDirname }}/x'")
    monkeypatch.chdir(tmp_path)
