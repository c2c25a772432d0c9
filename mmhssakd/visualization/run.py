"""Runs, found by their work dirs and grouped by their settings."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Iterable, List, Optional, Sequence, Tuple

from mmengine.config import Config

from mmhssakd.utils.runs import config_of, scalars

NOT_CURVES = {'lr', 'base_lr', 'data_time', 'time', 'epoch', 'iter', 'step', 'memory'}
# Settings in which runs of one experiment may differ: where they were, how they began, and the seed.
INCIDENTAL = re.compile(r'(^|\.)(work_dir|resume|load_from|launcher|seed|experiment_name)$')
SEED = re.compile(r'[_-]?seed[_-]?\d+')


def flatten(node: Any, prefix: str = '') -> Dict[str, Any]:
    """Settings of a nested config by dotted keys, as ``--cfg-options`` names them."""
    items: Iterable[Tuple[Any, Any]] = ()
    if isinstance(node, dict):
        items = node.items()
    elif isinstance(node, (list, tuple)) and any(isinstance(child, (dict, list, tuple)) for child in node):
        items = enumerate(node)
    elif prefix:
        return {prefix: node}
    flat: Dict[str, Any] = {}
    for key, child in items:
        flat.update(flatten(child, f'{prefix}.{key}' if prefix else str(key)))
    return flat or {prefix: node}


def setting(value: Any) -> str:
    """A setting as text; of an absolute path the last two parts, without a seed."""
    text = str(value)
    if text.startswith('/'):
        text = '/'.join(Path(text).parts[-2:])
    return SEED.sub('', text)


@dataclass
class Run:
    """One run, read from its work dir.

    Args:
        work_dir (Path): Its folder.
        config (Config): The config that it dumped.
        lines (list[dict]): Its logged lines, see :func:`mmhssakd.utils.runs.scalars`.
    """

    work_dir: Path
    config: Config
    lines: List[dict]

    @property
    def settings(self) -> Dict[str, str]:
        """Settings that make up the experiment, by dotted key."""
        return {
            key: setting(value) for key, value in flatten(self.config.to_dict()).items() if not INCIDENTAL.search(key)
        }

    @property
    def seed(self) -> Optional[int]:
        """Seed of the run, if it was set."""
        return self.config.get('randomness', {}).get('seed')

    @property
    def checkpoint(self) -> Path:
        """The last checkpoint, also after the folder was moved.

        Raises:
            FileNotFoundError: The run has written none.
        """
        note = self.work_dir / 'last_checkpoint'
        if note.is_file():
            written = Path(note.read_text().strip())
            for file in (self.work_dir / written.name, written):
                if file.is_file():
                    return file
        raise FileNotFoundError(f'{self.work_dir} holds no checkpoint.')

    def metrics(self, training: bool) -> List[str]:
        """Names of what was logged in training, or by validation, in order of first appearance."""
        names = [name for line in self.lines if ('lr' in line or 'loss' in line) == training for name in line]
        return [name for name in dict.fromkeys(names) if name not in NOT_CURVES]

    def curve(self, metric: str) -> Tuple[List[float], List[float]]:
        """Epochs (iterations, of a run that counts those alone) and values of a metric."""
        lines = [line for line in self.lines if metric in line]
        trained = [line for line in self.lines if line.get('epoch')]
        steps_per_epoch = max((line['step'] / line['epoch'] for line in trained), default=1)
        x = [line['step'] / (steps_per_epoch if 'lr' in line or 'loss' in line else 1) for line in lines]
        return x, [line[metric] for line in lines]

    @property
    def unit(self) -> str:
        """What the x of :meth:`curve` counts."""
        return 'epochs' if any('epoch' in line for line in self.lines) else 'iterations'


@dataclass
class Group:
    """Runs of the same settings, seeds apart.

    Args:
        name (str): What to call it: the folder's name, or the config's.
        runs (list[Run]): At least one.
    """

    name: str
    runs: List[Run]

    @property
    def is_detector(self) -> bool:
        """Whether the runs train a detector."""
        return self.runs[0].config.get('default_scope') == 'mmdet'

    def final(self, metric: str) -> List[float]:
        """Last value of a metric of every run that has it."""
        curves = [run.curve(metric)[1] for run in self.runs]
        return [values[-1] for values in curves if values]


def find_runs(folders: Sequence[Path]) -> List[Run]:
    """Read the runs in some folders and below them.

    Raises:
        FileNotFoundError: A folder does not exist, or holds no run.
    """
    runs = {}
    for folder in folders:
        if not Path(folder).is_dir():
            raise FileNotFoundError(f'no such work dir: {folder}')
        found = sorted({file.parents[2] for file in Path(folder).rglob('vis_data/scalars.json')})
        if not found:
            raise FileNotFoundError(
                f'{folder} holds no run: there is no vis_data/scalars.json in it or below it. '
                'Give the --work-dir of tools/train.py, or a folder of several.'
            )
        for work_dir in found:
            runs[work_dir.resolve()] = Run(work_dir, config_of(work_dir), scalars(work_dir))
    return list(runs.values())


def group_runs(runs: Sequence[Run]) -> List[Group]:
    """Put runs together that differ in their seeds alone, in the order in which they were found."""
    groups: List[Tuple[dict, List[Run]]] = []
    for run in runs:
        settings = run.settings
        for known, members in groups:
            if known == settings:
                members.append(run)
                break
        else:
            groups.append((settings, [run]))
    names: List[str] = []
    for _, members in groups:
        found = {SEED.sub('', run.work_dir.name) for run in members}
        name = found.pop() if len(found) == 1 else ''
        name = name or Path(members[0].config.filename or members[0].work_dir).stem
        same = sum(known.split(' #')[0] == name for known in names)
        names.append(f'{name} #{same + 1}' if same else name)
    return [Group(name, members) for name, (_, members) in zip(names, groups)]


def differing_settings(groups: Sequence[Group]) -> Dict[str, List[str]]:
    """Settings in which the groups differ: for each key the value in every group ('' where it is not set)."""
    settings = [group.runs[0].settings for group in groups]
    keys = dict.fromkeys(key for each in settings for key in each)
    table = {key: [each.get(key, '') for each in settings] for key in sorted(keys)}
    return {key: values for key, values in table.items() if len(set(values)) > 1}
