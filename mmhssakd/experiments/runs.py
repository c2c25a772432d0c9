"""What training runs left in their work dirs: settings, logged numbers, checkpoints."""

import json
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from textwrap import shorten
from typing import Any, Dict, List, Optional, Sequence, Tuple

from mmengine.config import Config

from mmhssakd.weights.resume import named_checkpoint

NOT_CURVES = {'lr', 'base_lr', 'data_time', 'time', 'epoch', 'iter', 'step', 'memory'}
# Settings in which runs of one experiment may differ: where they were, how they began, who loads, and the seed.
INCIDENTAL = re.compile(
    r'(^|\.)(work_dir|resume|load_from|launcher|seed|experiment_name|num_workers|persistent_workers)$'
)
# Settings that a reader compares: no names of hooks, no variables of config files, and not what follows from others.
COMPARED = re.compile(
    r'(model|data_preprocessor|(train|val)_dataloader|train_cfg|optim_wrapper|param_scheduler|val_evaluator)\b'
)
DERIVED = re.compile(INCIDENTAL.pattern + r'|\.(in_channels|end|eta_max|total_steps|T_max)$')
SEED = re.compile(r'[_-]?seed[_-]?\d+')
# Units of what is logged, by name: a factor, and the unit that a value has after it.
UNITS = {
    r'^(peer\d+_)?(loss_task|loss_aux|loss_kl_[pq]|kl_q\d+|ce_q\d+)$': (1, 'nats'),
    r'^(peer\d+_)?acc_|^acc$|^(accuracy|single-label|multi-label)/': (1, '%'),
    r'^(pascal_voc|voc_\w+|coco)/': (100, '%'),  # mmdet logs shares of 1
}


def unit_of(metric: str) -> Tuple[int, str]:
    """The factor that brings a logged metric to its unit, and the unit ('' if it has none)."""
    return next((unit for pattern, unit in UNITS.items() if re.search(pattern, metric)), (1, ''))


def with_unit(metric: str) -> str:
    """Name of a metric with its unit, where it has one."""
    unit = unit_of(metric)[1]
    return f'{metric} ({unit})' if unit else metric


def flatten(node: Any, prefix: str = '') -> Dict[str, Any]:
    """Settings of a nested config by dotted keys, as ``--cfg-options`` names them."""
    if isinstance(node, (list, tuple)) and any(isinstance(child, (dict, list, tuple)) for child in node):
        node = dict(enumerate(node))
    if not isinstance(node, dict) or not node:
        return {prefix: node}
    parts = (flatten(child, f'{prefix}.{key}' if prefix else str(key)) for key, child in node.items())
    return {key: value for part in parts for key, value in part.items()}


def setting(value: Any) -> str:
    """A setting as text; of an absolute path the last two parts, without a seed."""
    text = str(value)
    return SEED.sub('', '/'.join(Path(text).parts[-2:]) if text.startswith('/') else text)


def settings_of(config: Config) -> Dict[str, str]:
    """Settings that make up an experiment, by dotted key: without seeds, and without where it ran."""
    return {key: setting(value) for key, value in flatten(config.to_dict()).items() if not INCIDENTAL.search(key)}


def is_training(line: dict) -> bool:
    """Whether a logged line is of training steps; otherwise it is of a validation."""
    return 'lr' in line or 'loss' in line


class Run:
    """One run, read from its work dir.

    Args:
        work_dir (Path): Its folder, which may have been moved.
    """

    def __init__(self, work_dir: Path) -> None:
        self.work_dir = Path(work_dir)

    @cached_property
    def config(self) -> Config:
        """The config that the run dumped.

        Raises:
            FileNotFoundError: The folder holds none.
        """
        newest = max(self.work_dir.glob('*.py'), key=lambda file: file.stat().st_mtime, default=None)
        if newest is None:
            raise FileNotFoundError(f'{self.work_dir} holds no dumped config: it is not the work dir of a run.')
        return Config.fromfile(newest)

    @cached_property
    def lines(self) -> List[dict]:
        """All logged lines, in the order of training; after a resume the later line of a step counts."""
        lines: Dict[tuple, dict] = {}
        for file in sorted(self.work_dir.glob('*/vis_data/scalars.json')):
            for text in file.read_text().splitlines():
                try:
                    line = json.loads(text)
                except json.JSONDecodeError:  # the run was killed while it wrote this line
                    continue
                lines[is_training(line), line.get('step')] = line
        return list(lines.values())

    @property
    def seed(self) -> Optional[int]:
        """Seed of the run, if it was set."""
        return self.config.get('randomness', {}).get('seed')

    @property
    def name(self) -> str:
        """What the sweep that it belongs to calls it, or its folder's name without a seed; '' if nothing is left."""
        trial = self.work_dir / 'trial.json'
        return json.loads(trial.read_text())['name'] if trial.is_file() else SEED.sub('', self.work_dir.name)

    @property
    def checkpoint(self) -> Path:
        """The last checkpoint, also after the folder was moved.

        Raises:
            FileNotFoundError: The run has written none.
        """
        found = named_checkpoint(self.work_dir)
        if found is None:
            raise FileNotFoundError(f'{self.work_dir} holds no checkpoint.')
        return found

    @property
    def speed(self) -> Dict[str, Optional[float]]:
        """``seconds`` of the training steps in all, and ``images_per_second`` of one process; None without a log."""
        lines = [line for line in self.lines if 'loss' in line and 'time' in line]
        if not lines:
            return dict(seconds=None, images_per_second=None)
        step_time = sum(line['time'] for line in lines) / len(lines)
        batch_size = self.config.train_dataloader.batch_size
        return dict(seconds=step_time * max(line['step'] for line in lines), images_per_second=batch_size / step_time)

    def metrics(self, training: bool) -> List[str]:
        """Names of what was logged in training, or by validation, in order of first appearance."""
        names = [name for line in self.lines if is_training(line) == training for name in line]
        return [name for name in dict.fromkeys(names) if name not in NOT_CURVES]

    def curve(self, metric: str) -> Tuple[List[float], List[float]]:
        """Epochs (iterations, of a run that counts those alone) and values of a metric, in its unit."""
        lines = [line for line in self.lines if metric in line]
        steps_per_epoch = max((line['step'] / line['epoch'] for line in self.lines if line.get('epoch')), default=1)
        x = [line['step'] / (steps_per_epoch if is_training(line) else 1) for line in lines]
        return x, [unit_of(metric)[0] * line[metric] for line in lines]

    def final(self) -> Dict[str, float]:
        """Last values of what validation logged, in their units."""
        return {metric: self.curve(metric)[1][-1] for metric in self.metrics(training=False)}

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


def find_runs(folders: Sequence[Path]) -> List[Run]:
    """Read the runs in some folders and below them, but those that a sweep has moved to ``replaced/``.

    Raises:
        FileNotFoundError: A folder does not exist, or holds no run.
    """
    runs = {}
    for folder in folders:
        if not Path(folder).is_dir():
            raise FileNotFoundError(f'no such work dir: {folder}')
        logs = sorted(Path(folder).rglob('vis_data/scalars.json'), key=lambda file: (file.parts[-3], file))
        found = dict.fromkeys(  # in the order in which they were started
            file.parents[2] for file in logs if 'replaced' not in file.relative_to(folder).parts
        )
        if not found:
            raise FileNotFoundError(
                f'{folder} holds no run: there is no vis_data/scalars.json in it or below it. '
                'Give the --work-dir of tools/train.py, or a folder of several.'
            )
        runs.update({work_dir.resolve(): Run(work_dir) for work_dir in found})
    return list(runs.values())


def group_runs(runs: Sequence[Run]) -> List[Group]:
    """Put runs together that differ in their seeds alone: those without a teacher first, those with branches last."""
    alike: Dict[frozenset, List[Run]] = {}
    for run in sorted(runs, key=lambda run: [bool(run.config.model.get(x)) for x in ('teacher', 'auxiliary_neck')]):
        alike.setdefault(frozenset(settings_of(run.config).items()), []).append(run)
    groups: Dict[str, Group] = {}
    for members in alike.values():
        names = {run.name for run in members}
        name = (names.pop() if len(names) == 1 else '') or Path(members[0].config.filename).stem
        same = sum(known.split(' #')[0] == name for known in groups)
        name = f'{name} #{same + 1}' if same else name
        groups[name] = Group(name, members)
    return list(groups.values())


def differences(nodes: Sequence[Any], key: str = '') -> Dict[str, List[str]]:
    """Where configs differ, by dotted key ('' where it is not set); a dict that one of them lacks is one value."""
    if all(isinstance(node, list) and len(node) == len(nodes[0]) and isinstance(node[0], dict) for node in nodes):
        nodes = [dict(enumerate(node)) for node in nodes]
    if all(isinstance(node, dict) for node in nodes):
        keys = sorted({child for node in nodes for child in node})
        parts = (differences([node.get(child, '') for node in nodes], f'{key}.{child}'.strip('.')) for child in keys)
        return {name: values for part in parts for name, values in part.items()}
    values = [shorten(', '.join(map(setting, flatten(node).values())), 90, placeholder=' ...') for node in nodes]
    return {key: values} if len(set(values)) > 1 and COMPARED.match(key) and not DERIVED.search(key) else {}


def differing_settings(groups: Sequence[Group]) -> Dict[str, List[str]]:
    """Settings of data, model and training in which the groups differ: for each key the value in every group."""
    return differences([group.runs[0].config.to_dict() for group in groups])
