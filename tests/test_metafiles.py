"""The metafiles list every shipped config, and every config that they list exists and builds."""

import re
from pathlib import Path

import config_losses
import test_detection_configs
import test_linear_configs
from mmengine.config import Config
from modelindex.load_model_index import load

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
            'Object Detection' if 'detection' in model.config else 'Image Classification'
        ]
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


def test_every_listed_config_is_built_by_a_test():
    """Those tests take a step with each of them; building all of them here again would take a minute."""
    built = set(config_losses.CONFIGS)
    built |= {str(file.relative_to(ROOT)) for file in (*test_detection_configs.CONFIGS, *test_linear_configs.CONFIGS)}
    few_shot = {model.config for model in INDEX.models} - built
    assert len(few_shot) == 3
    for file in few_shot:  # the same model as that of the config that it inherits
        cfg = Config.fromfile(ROOT / file)
        base = Path(file).parents[1] / f'{Path(file).stem[:-3]}.py'
        assert cfg.model == Config.fromfile(ROOT / base).model and str(base) in built


def test_teachers_are_listed():
    """The teacher that a student's config names is a shipped config too."""
    for file in SHIPPED:
        teacher = re.search(r'fileDirname }}/(\w+\.py)', (ROOT / file).read_text())
        assert teacher is None or str(Path(file).parent / teacher[1]) in SHIPPED
