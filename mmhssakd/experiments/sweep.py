"""Trials of several arms and seeds: read from a file, run, tabulated."""

import json
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Tuple, Union

from mmengine.config import Config

from mmhssakd.apis import find_config
from .launch import LocalLauncher, SlurmLauncher
from .ledger import append_to_ledger, known_results, read_ledger
from .screen import Screen
from .table import build_table, markdown, split
from .trial import Trial, read_config

KEYS = dict(title=str, work_dir=str, config=str, options=dict, baseline=list, seeds=list, processes=int, arms=dict)
KEYS |= dict(final=dict, check=bool)
# of an arm; its other keys are options
ARM_KEYS = dict(config=str, seed=int, seeds=list, folder=str, needs=dict, metric=str, random_start=bool, final=dict)


def random_start(config: str) -> Dict[str, object]:
    """Options that start a backbone at random and train all of it, its statistics too."""
    backbone = read_config(find_config(config)).model.backbone
    thawed = {'frozen_stages': -1, 'norm_eval': False}
    options = {'init_cfg': None, **{key: value for key, value in thawed.items() if key in backbone}}
    return {f'model.backbone.{key}': value for key, value in options.items()}


@dataclass
class Sweep:
    """Trials that belong together.

    Args:
        title (str): What it is about, in one line.
        work_dir (Path): Where all of it is written.
        trials (list[Trial]): What to run; a trial comes after those that it needs.
        baselines (Sequence[str]): Names of the trials that the others are compared with.
        ledger (Path, optional): File of results that are kept: trials that it knows do not run again, and others are
            added. Defaults to None, no such file.
        check (bool): It only shows that all of it works: what it reaches means nothing. Defaults to False.
    """

    title: str
    work_dir: Path
    trials: List[Trial]
    baselines: Sequence[str] = ()
    ledger: Optional[Path] = None
    check: bool = False

    def run(self, launcher: Union[LocalLauncher, SlurmLauncher], screen: Screen) -> List[dict]:
        """Run what is not finished; returns the results in the order of the trials.

        Raises:
            RuntimeError: A trial failed; those under way were finished first, and no other was started.
        """
        screen.say(f'{self.title}: {len(self.trials)} trials in {self.work_dir}')
        results = known_results(self.trials, read_ledger(self.ledger) if self.ledger else {})
        waiting = [trial for trial in self.trials if trial.folder not in results]
        running: Dict[str, Tuple[Trial, Any, float]] = {}
        failed: List[str] = []
        for trial in self.trials:
            if trial.folder in results:
                screen.finished(trial, results[trial.folder])
                self.keep(results[trial.folder])
        try:
            while running or (waiting and not failed):
                ready = [t for t in waiting if not failed and all(need.folder in results for need, _ in t.needs)]
                for trial in ready[: launcher.jobs - len(running)]:
                    waiting.remove(trial)
                    screen.start(trial, trial.prepare())
                    running[trial.folder] = trial, launcher.start(trial), time.time()
                for trial, process, since in list(running.values()):
                    screen.update(trial)
                    code = process.poll()
                    if code is None:
                        continue
                    del running[trial.folder]
                    try:
                        results[trial.folder] = trial.finish(code, time.time() - since)
                        screen.finished(trial, results[trial.folder])
                        self.keep(results[trial.folder])
                    except RuntimeError as error:
                        screen.failed(trial, str(error))
                        failed.append(str(trial))
                time.sleep(0.5 if running else 0)
        finally:
            if running:
                screen.say('Interrupted: the trials save and stop. The same command goes on where they were.')
            for _, process, _ in running.values():
                process.terminate()
            for _, process, _ in running.values():
                process.wait()
        if failed:
            raise RuntimeError(f'{", ".join(failed)} failed. The same command goes on from the last checkpoints.')
        return [results[trial.folder] for trial in self.trials]

    def keep(self, result: dict) -> None:
        """Add a result to the ledger, unless it is there."""
        if self.ledger:
            append_to_ledger(self.ledger, result)

    def write(self, results: List[dict]) -> str:
        """Write ``sweep.json`` and the tables in ``sweep.md``; returns the tables. Each kind of metrics has its own."""
        tables = '\n\n'.join(markdown(*build_table(kind, self.baselines)) for kind in split(results, 'metric').values())
        self.work_dir.mkdir(parents=True, exist_ok=True)
        (self.work_dir / 'sweep.json').write_text(json.dumps(results, indent=1))
        (self.work_dir / 'sweep.md').write_text(f'{self.title}\n\n{tables}\n')
        return tables


def read_sweep(file: Path) -> dict:
    """Read a sweep file (JSON; ``_base_`` may name another one, see docs/ablations.md).

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is no JSON, or a key is missing or unknown, a value is of another type, or a name is no arm.
    """
    if not file.is_file():
        raise FileNotFoundError(f'no such sweep file: {file}')
    try:
        sweep = Config.fromfile(file).to_dict()
    except Exception as error:  # mmengine's are of many types
        raise ValueError(f'{file} is no JSON, or does not fit its _base_: {error}') from None
    if not {'config', 'arms'} <= set(sweep) <= set(KEYS):
        raise ValueError(f'{file} must have the keys arms and config, and may have {", ".join(sorted(KEYS))}.')
    defaults = dict(title=file.stem, work_dir=f'work_dirs/sweeps/{file.stem}', seeds=[0, 1, 2, 3, 4])
    sweep = dict(defaults, options={}, baseline=[]) | sweep
    if isinstance(sweep['baseline'], str):
        sweep['baseline'] = [sweep['baseline']]
    check_types(sweep, KEYS, f'{file}: ')
    for name, arm in sweep['arms'].items():
        check_types({name: arm}, {name: dict}, f'{file}: arms.')
        check_types(arm, ARM_KEYS, f'{file}: arms.{name}.')
    seeds = sum((arm.get('seeds', []) for arm in sweep['arms'].values()), sweep['seeds'])
    if not (sweep['arms'] and sweep['seeds'] and all(type(seed) is int for seed in seeds)):
        raise ValueError(f'{file} must have at least one arm, and whole numbers as seeds, but has {seeds}.')
    needed = [name for arm in sweep['arms'].values() for name in arm.get('needs', {}).values()]
    for name in [*sweep['baseline'], *needed]:
        if name not in list(sweep['arms']):  # it may be anything
            raise ValueError(f'{file}: {name!r} is none of the arms {list(sweep["arms"])}.')
    return sweep


def check_types(node: dict, types: Dict[str, type], where: str) -> None:
    """Refuse values of a sweep file that are of another type; ``where`` stands before a key in the message."""
    for key, kind in types.items():
        if key in node and type(node[key]) is not kind:
            raise ValueError(f'{where}{key} must be of type {kind.__name__}, but is {node[key]!r}.')


def make_sweep(
    sweep: dict,
    seeds: Sequence[int],
    work_dir: Optional[Path] = None,
    processes: Optional[int] = None,
    ledger: Optional[Path] = None,
) -> Sweep:
    """One trial for every seed and arm of what :func:`read_sweep` returns.

    Options of an arm win over those of all; an arm with a ``seed`` of its own is one trial for all seeds, one with
    ``seeds`` has no others. ``work_dir`` and ``processes`` (of each trial) win over those of the file. A ``ledger``
    keeps final results: the file's ``final`` options hold, or an arm's own, which let its validation read the test
    images.

    Raises:
        FileNotFoundError: A config does not exist.
        ValueError: An arm stands above one that it needs or has seeds that it lacks, or two trials share a folder.
    """
    root, processes = Path(work_dir or sweep['work_dir']), processes or sweep.get('processes')
    trials: Dict[tuple, Trial] = {}
    for seed in seeds:
        for name, arm in sweep['arms'].items():
            if seed not in arm.get('seeds', seeds):
                continue
            own = {key: value for key, value in arm.items() if key not in ARM_KEYS}
            config, own_seed = arm.get('config', sweep['config']), arm.get('seed', seed)
            find_config(config)
            if arm.get('random_start'):
                own = random_start(config) | own
            needs = []
            for key, need in arm.get('needs', {}).items():
                found = trials.get((need, sweep['arms'][need].get('seed', seed)))
                if found is None:
                    raise ValueError(f'{name} needs {need}, which must stand above it, with the same seeds.')
                needs.append((found, key))
            options = own if 'config' in arm else sweep['options'] | own
            if ledger and 'seed' not in arm:
                options = options | arm.get('final', sweep.get('final', {}))
            folder = arm.get('folder', '').replace('{seed}', str(seed))
            trial = Trial(name, config, root, own_seed, options, needs, arm.get('metric'), folder, processes)
            trials.setdefault((name, own_seed), trial)
    folders = Counter(trial.folder for trial in trials.values())
    if twice := [folder for folder, count in folders.items() if count > 1]:
        raise ValueError(
            f'More than one trial would work in {", ".join(twice)}: give arms with a folder {{seed}} in it.'
        )
    return Sweep(sweep['title'], root, list(trials.values()), sweep['baseline'], ledger, sweep.get('check', False))
