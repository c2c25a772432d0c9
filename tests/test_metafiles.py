"""The metafiles list every shipped config, and every config that they list exists and builds."""
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from modelindex.load_model_index import load

from mmhssakd.registry import MODELS

ROOT = Path(__file__).parents[1]
INDEX = load(str(ROOT / 'model-index.yml'))
SHIPPED = sorted(str(file.relative_to(ROOT)) for file in (ROOT / 'configs').rglob('*.py') if '_base_' not in file.parts)


def test_every_shipped_config_is_listed_once():
    assert sorted(model.config for model in INDEX.models) == SHIPPED
    names = [model.name for model in INDEX.models]
    assert names == [Path(model.config).stem for model in INDEX.models] and len(set(names)) == len(names)


def test_entries_are_complete():
    collections = {collection.name: collection for collection in INDEX.collections}
    for model in INDEX.models:
        page = ROOT / collections[model.in_collection].readme
        assert Path(model.config).is_relative_to(page.parent.relative_to(ROOT))
        assert [result.task for result in model.results] == [
            'Object Detection' if 'detection' in model.config else 'Image Classification']
    for collection in collections.values():
        assert (ROOT / collection.code['URL']).is_file() and collection.paper['URL'].endswith('2109.03075')


def test_the_pages_name_every_config():
    """By its own name, or by the pattern of its kind."""
    patterns = ('ce_', 'teacher_', 'kd_', 'few_shot/')
    for model in INDEX.models:
        parts = Path(model.config).parts
        family = parts[1] if len(parts) > 2 else ''
        page = (ROOT / 'configs' / family / 'README.md').read_text()
        rest = model.config.removeprefix(f'configs/{family}/' if family else 'configs/')
        assert rest in page or (family == 'cifar100' and rest.startswith(patterns)), model.config


FAMILIES = sorted(str(file.parent.relative_to(ROOT)) for file in (ROOT / 'configs').rglob('metafile.yml'))


@pytest.mark.parametrize('family', FAMILIES)
def test_listed_configs_build(family):
    """On the meta device: shapes without numbers. The teacher, which needs a checkpoint, is a config of its own."""
    files = [model.config for model in load(str(ROOT / family / 'metafile.yml')).models]
    assert files
    for file in files:
        cfg = Config.fromfile(ROOT / file)
        teacher = cfg.model.pop('teacher', None)
        assert teacher is None or str(Path(teacher.config).resolve().relative_to(ROOT)) in SHIPPED, file
        with DefaultScope.overwrite_default_scope(cfg.default_scope), torch.device('meta'):
            MODELS.build(cfg.model)
