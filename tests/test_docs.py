"""What README and docs say is so: files, links, commands, options, config keys, Python blocks and error messages."""

import ast
import inspect
import re
import shlex
import shutil
from pathlib import Path

import pytest
from mmengine.config import Config
from mmengine.registry import VISUALIZERS, DefaultScope

from mmhssakd.registry import MODELS

ROOT = Path(__file__).parents[1]
PAGES = [
    ROOT / 'README.md',
    ROOT / 'CONTRIBUTING.md',
    *sorted((ROOT / 'docs').glob('*.md')),
    *sorted((ROOT / 'configs').rglob('README.md')),
]
TOOLS = {file.stem: file for file in (ROOT / 'tools').rglob('*.py')}
SHELL = {'dist_train.sh': 'train', 'dist_test.sh': 'test', 'slurm_train.sh': 'train', 'quickstart.sh': 'sweep'}


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def blocks(page: Path, language: str) -> list:
    return re.findall(rf'^```{language}\n(.*?)^```', page.read_text(), re.S | re.M)


def files_to_write(page: Path) -> dict:
    """Config files that a page tells the reader to write."""
    found = {}
    for block in blocks(page, 'python'):
        parts = re.split(r'^# (configs/\S+\.py)\n', block, flags=re.M)
        found.update(zip(parts[1::2], parts[2::2]))
    return found


WRITTEN = [(page, file) for page in PAGES for file in files_to_write(page)]
WRITTEN_FILES = {file for _, file in WRITTEN}


@pytest.mark.parametrize('page', PAGES, ids=name)
def test_named_files_and_links_exist(page):
    text = page.read_text()
    named = set(re.findall(r'\b(?:configs|tools|docs|mmhssakd|tests)/[\w./-]+\.(?:py|sh|md|svg)\b', text))
    missing = [file for file in named - WRITTEN_FILES if '/my_' not in file and not (ROOT / file).exists()]
    links = re.findall(r'\]\(([^):]+)\)', text)
    broken = [link for link in links if link.split('#')[0] and not (page.parent / link.split('#')[0]).exists()]
    headings = {re.sub(r'[^\w -]', '', h.lower()).replace(' ', '-') for h in re.findall(r'^#+ (.*)$', text, re.M)}
    broken += [link for link in links if link.startswith('#') and link[1:] not in headings]
    assert not missing and not broken


@pytest.mark.parametrize('page', [page for page in PAGES if page.name != 'CONTRIBUTING.md'], ids=name)
def test_last_line_says_what_to_read_next(page):
    title, target = re.fullmatch(r'Next: \[(.+)\]\((.+)\)', page.read_text().splitlines()[-1]).groups()
    assert (page.parent / target).read_text().startswith(f'# {title}\n')


def options_of(tool: Path) -> set:
    """Options that a tool's parser knows, read from its source."""
    text = tool.read_text()
    for shared in ('common', 'sweep'):
        if f'from {shared} import' in text:
            text += (ROOT / f'tools/{shared}.py').read_text()
    calls = (node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call))
    return {
        arg.value
        for call in calls
        if getattr(call.func, 'attr', '') == 'add_argument'
        for arg in call.args
        if isinstance(arg, ast.Constant)
    }


def commands(page: Path) -> list:
    """Words of every command of a page's shell blocks."""
    lines = '\n'.join(blocks(page, 'bash')).replace('\\\n', ' ').splitlines()
    return [words for line in lines if (words := shlex.split(line, comments=True))]


def call_of(words: list):
    """The tool that a command calls and its arguments; None if it is no tool of ours."""
    words = [word for word in words if not re.match(r'[A-Z_]+=', word)]
    if words[0] in ('python', 'bash') and words[1].startswith(('tools/', 'tests/')):
        assert (ROOT / words[1]).is_file(), words[1]
        file = Path(words[1])
        return (SHELL.get(file.name, file.stem), words[2:])
    if words[:3] == ['mim', 'run', 'mmhssakd']:
        return words[3], words[4:]
    if words[0] == 'mim' and words[1] in ('train', 'test'):
        assert words[2] == 'mmhssakd' and list((ROOT / 'configs').rglob(words[3]))
        return words[1], [word for word in words[4:] if word not in ('--gpus', '--checkpoint')]
    return None


@pytest.mark.parametrize('page', PAGES, ids=name)
def test_commands(page):
    for words in commands(page):
        call = call_of(words)
        if call is None:
            known = ('source', 'pip', 'pytest', 'tensorboard', 'mim', 'sbatch')
            assert words[0] in known or words[:3] == ['python', '-m', 'mmhssakd'], words
            assert all((ROOT / word).is_dir() for word in words if word.startswith('tests/')), words
            continue
        tool, arguments = call
        options = [word for word in arguments if word.startswith('--')]
        if tool in TOOLS:
            unknown = set(options) - options_of(TOOLS[tool])
            assert not unknown, f'{words}: {unknown}'
        else:
            assert not options or tool == 'run_tests', words  # whose options are pytest's
        check_config_keys([word for word in words if re.match(r'\S*configs/\S+\.py$', word)], arguments)


def check_config_keys(configs: list, arguments: list) -> None:
    """The way to every key of ``--cfg-options`` stands in the config, or is an argument of what the config builds."""
    config = next((file for file in configs if (ROOT / file).is_file()), None)
    if config is None or '--cfg-options' not in arguments:
        return
    cfg = Config.fromfile(ROOT / config)
    for word in arguments[arguments.index('--cfg-options') + 1 :]:
        parents = word.split('=')[0].split('.')[:-1]
        node = cfg
        for key in parents:
            if key not in node:
                assert key in inspect.signature(MODELS.get(node.type)).parameters, f'{config} has no {word}'
                break
            node = node[key]


@pytest.fixture(scope='module')
def checkout(tmp_path_factory):
    """The shipped configs, and besides them those that a page tells the reader to write; by page."""

    def make(page: Path) -> Path:
        if page not in made:
            made[page] = tmp_path_factory.mktemp('docs')
            shutil.copytree(ROOT / 'configs', made[page] / 'configs')
            for file, text in files_to_write(page).items():
                (made[page] / file).write_text(text)
        return made[page]

    made: dict = {}
    return make


@pytest.mark.parametrize('page, file', WRITTEN, ids=str)
def test_written_configs_build(page, file, checkout, tmp_path, monkeypatch):
    monkeypatch.chdir(checkout(page))
    monkeypatch.setattr('mmhssakd.models.necks.auxiliary_neck.initialize', lambda backbone: None)  # takes long
    cfg = Config.fromfile(file)
    teacher = cfg.model.pop('teacher', None)
    if teacher:
        assert teacher.config.endswith('my_teacher.py') or Path(teacher.config).is_file()
    with DefaultScope.overwrite_default_scope(cfg.default_scope):
        model = MODELS.build(cfg.model)
        visualizer = VISUALIZERS.build({**cfg.visualizer, 'save_dir': str(tmp_path), 'name': tmp_path.name})
    assert 'backbone' in dict(model.named_children())
    visualizer.add_scalars(dict(loss_task=1.0), step=1)
    assert ('Tensorboard' in str(cfg.visualizer)) == bool(list(tmp_path.rglob('events.out.tfevents*')))
    if 'CustomDataset' in str(cfg.train_dataloader):
        dataset = cfg.train_dataloader.dataset
        for part in dataset.get('datasets', [dataset]):
            assert part.pipeline[0].type == 'LoadImageFromFile'
        assert cfg.val_dataloader.dataset.data_prefix == 'val' and cfg.train_dataloader.batch_size == 32


PYTHON = [
    (name(page), block)
    for page in PAGES
    if page.name != 'method.md'
    for block in blocks(page, 'python')
    if not block.startswith('# configs/')
]


@pytest.mark.parametrize('page, block', PYTHON, ids=[page for page, _ in PYTHON])
def test_python_blocks_run(page, block, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    exec(compile(block, page, 'exec'), {'__name__': 'docs'})


def messages() -> list:
    """Every text of the code, its values replaced by a mark."""
    found = []
    for file in [*(ROOT / 'mmhssakd').rglob('*.py'), *(ROOT / 'tools').rglob('*.py')]:
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.append(node.value)
            elif isinstance(node, ast.JoinedStr):
                found.append(''.join(part.value if isinstance(part, ast.Constant) else '...' for part in node.values))
    return found


def test_faq_quotes_real_messages():
    texts = messages()
    quoted = re.findall(r'^> (.*)$', (ROOT / 'docs/faq.md').read_text(), re.M)
    assert len(quoted) >= 10
    missing = [message for message in quoted if not any(message in text for text in texts)]
    assert not missing
