from pathlib import Path

import pytest

from mmhssakd import apis

ROOT = Path(__file__).parents[2]


@pytest.fixture
def trainer(monkeypatch, tmp_path):
    """Trials start a stand-in for train.py, in a folder of their own."""
    (tmp_path / 'home/tools').mkdir(parents=True)
    (tmp_path / 'home/tools/train.py').symlink_to(ROOT / 'tests/helpers/stand_in.py')
    for name in ('configs', 'model-index.yml'):
        (tmp_path / 'home' / name).symlink_to(ROOT / name)
    monkeypatch.setattr(apis, 'home', lambda: tmp_path / 'home')
    (tmp_path / 'config.py').write_text("train_cfg = dict(max_epochs=4)\noptim = '{{ fileDirname }}/x'")
    monkeypatch.chdir(tmp_path)
