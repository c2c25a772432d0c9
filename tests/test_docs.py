"""What README and docs name exists, and their configs can be read."""
import re
from pathlib import Path

import pytest
from mmengine.config import Config

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / 'README.md', *sorted((ROOT / 'docs').glob('*.md'))]


@pytest.mark.parametrize('page', PAGES, ids=lambda page: page.name)
def test_named_files_and_links_exist(page):
    text = page.read_text()
    named = set(re.findall(r'\b(?:configs|tools|docs|mmhssakd|tests)/[\w./-]+\.(?:py|sh|md|svg)\b', text))
    written = set(re.findall(r'^# (configs/\S+\.py)$', text, re.M))  # files that the page tells the reader to write
    missing = [name for name in named - written if '/my_' not in name and not (ROOT / name).exists()]
    links = [link for link in re.findall(r'\]\(([^)#:]+)\)', text) if not (page.parent / link).exists()]
    assert not missing and not links


def test_own_data_example(tmp_path):
    block = next(b for b in re.findall(r'```python\n(.*?)```', (ROOT / 'README.md').read_text(), re.S) if 'my_hssakd' in b)
    (tmp_path / 'my_hssakd.py').write_text(block.replace("'./", f"'{ROOT}/configs/"))
    cfg = Config.fromfile(tmp_path / 'my_hssakd.py')
    assert cfg.train_dataloader.dataset.type == 'CustomDataset'
    assert cfg.train_dataloader.dataset.pipeline[0].type == 'LoadImageFromFile'
    assert cfg.train_dataloader.batch_size == 32 and cfg.model.head.num_classes == 7
    assert cfg.model.teacher.config == 'configs/my_teacher.py'
