"""One training as a part of an experiment: what it is, where it works, what it reached."""

import functools
import hashlib
import json
import re
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import List, Mapping, Optional, Sequence, Tuple

from mmengine.config import Config

from mmhssakd.apis import find_config, home, train_command
from mmhssakd.weights.files import replace_file
from .runs import Run, settings_of, unit_of

STEP = re.compile(r'(?:Epoch\(train\) +\[ *(\d+)\]|Iter\(train\) +)\[ *(\d+)/ *(\d+)\]')
read_config = functools.cache(Config.fromfile)


@functools.cache
def commit() -> str:
    """Commit of the checkout, with ``-dirty`` if files differ from it; '' for an installed package."""
    done = subprocess.run(
        ['git', '-C', home(), 'describe', '--always', '--dirty', '--exclude=*'], capture_output=True, text=True
    )
    return done.stdout.strip()


@dataclass
class Trial:
    """A training run by ``tools/train.py``, started, continued or, once it is finished, left alone.

    ``trial.json`` in its work dir says what runs there and, when it is finished, what it reached.

    Args:
        name (str): Row of the table; trials that differ in the seed alone share it.
        config (str): Config file, or name of a shipped model.
        root (Path): Folder of the sweep. It can be moved: what identifies a trial does not name it.
        seed (int): Seed of the run, which also replaces ``{seed}`` in options.
        options (dict): ``--cfg-options``.
        needs (Sequence): Pairs of a trial and the option that is given its last checkpoint.
        metric (str, optional): What trials are compared by. Defaults to the first that validation logs.
        folder (str): Work dir below ``root``. Defaults to ``seed_<seed>/<name>``.
        processes (int, optional): Train with so many, one a GPU, the learning rate scaled to the batch of all. Defaults
            to one process and the config's learning rate.
    """

    name: str
    config: str
    root: Path
    seed: int = 0
    options: Mapping[str, object] = field(default_factory=dict)
    needs: Sequence[Tuple['Trial', str]] = ()
    metric: Optional[str] = None
    folder: str = ''
    processes: Optional[int] = None

    def __post_init__(self) -> None:
        self.folder = self.folder or f'seed_{self.seed}/' + re.sub(r'[ /]', lambda c: '_-'[c[0] == '/'], self.name)
        if Path(self.folder).is_absolute() or not {'..'}.isdisjoint(parts := Path(self.folder).parts) or not parts:
            raise ValueError(f'{self}: its folder must lie below that of the sweep, but is {self.folder!r}.')
        self.options = {key: str(value).replace('{seed}', str(self.seed)) for key, value in self.options.items()}

    def __str__(self) -> str:
        return f'{self.name}, seed {self.seed}'

    @property
    def work_dir(self) -> Path:
        """Where the run writes."""
        return Path(self.root) / self.folder

    @property
    def log(self) -> Path:
        """Everything that the run printed."""
        return self.work_dir / 'trial.log'

    @functools.cached_property
    def hash(self) -> str:
        """Identifies the settings: the whole config, options, seed, and the trials that this one needs."""
        config = settings_of(read_config(find_config(self.config)))
        parts = [config, self.options, self.seed, [[key, need.hash] for need, key in self.needs]]
        parts += [self.processes] if self.processes else []
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:12]

    @property
    def known(self) -> dict:
        """What ``trial.json`` says of this trial; nothing if it is not there, or another trial's."""
        try:
            known = json.loads((self.work_dir / 'trial.json').read_text())
        except (FileNotFoundError, json.JSONDecodeError):
            return {}
        return known if known.get('hash') == self.hash else {}

    @property
    def result(self) -> Optional[dict]:
        """What the trial reached, if it is finished."""
        known = self.known
        return known if 'metrics' in known else None

    def write(self, **more: object) -> dict:
        """Write ``trial.json``, whole or not at all; returns what it holds."""
        said = dict(name=self.name, seed=self.seed, hash=self.hash, commit=commit(), config=self.config)
        said |= dict(options=self.options, **more)
        replace_file(json.dumps(said, indent=1).encode(), str(self.work_dir / 'trial.json'))
        return said

    def prepare(self) -> str:
        """Claim the work dir; returns what is to be said about it.

        A run with other settings is moved to ``replaced/``, never deleted and never taken for this one.
        """
        said = ''
        if not self.known:
            if self.work_dir.is_dir() and any(self.work_dir.iterdir()):
                aside = Path(self.root) / 'replaced' / f'{self.folder}-{time.strftime("%Y%m%d_%H%M%S")}'
                aside.parent.mkdir(parents=True, exist_ok=True)
                self.work_dir.rename(aside)
                said = f'{self}: {self.folder} held a run with other settings, now in {aside}'
            self.work_dir.mkdir(parents=True, exist_ok=True)
            self.write()
        return said

    def command(self) -> List[str]:
        """The call of ``tools/train.py``; the trials that this one needs are finished."""
        options: dict = {'randomness.seed': self.seed, **self.options}
        options |= {key: Run(need.work_dir).checkpoint for need, key in self.needs}
        more = ['--auto-scale-lr'] if self.processes else []
        return train_command(self.config, self.work_dir, options, self.processes, *more)

    @property
    def share(self) -> float:
        """How much of the training is done, from 0 to 1, by the log."""
        if not self.log.is_file():
            return 0.0
        with self.log.open('rb') as file:
            file.seek(max(0, self.log.stat().st_size - 5000))
            steps = STEP.findall(file.read().decode(errors='replace'))
        epoch, step, of = steps[-1] if steps else ('', 0, 1)
        if not epoch:
            return int(step) / int(of)
        epochs = self.options.get('train_cfg.max_epochs') or read_config(find_config(self.config)).train_cfg.max_epochs
        return (int(epoch) - 1 + int(step) / int(of)) / int(str(epochs))

    def finish(self, code: int, wall_seconds: float) -> dict:
        """Read what the run reached, after it ended with an exit status, and write it down.

        Raises:
            RuntimeError: The run failed, or logged no validation.
        """
        if code:
            raise RuntimeError(f'exit status {code}')
        run = Run(self.work_dir)
        metrics = run.final()
        metric = self.metric or next(iter(metrics), 'no metric')
        if metric not in metrics:
            raise RuntimeError(f'{self}: {metric} in its log; there are: {list(metrics)}')
        units = {name: unit_of(name)[1] for name in metrics}
        checkpoint = str(run.checkpoint.relative_to(self.work_dir))
        costs = dict(run.speed, wall_seconds=wall_seconds)
        return self.write(metric=metric, metrics=metrics, units=units, checkpoint=checkpoint, **costs)
