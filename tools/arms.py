"""Run the arms of an experiment through train.py, resumably, and tabulate what they reached."""

import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Dict, List, Optional, Sequence

from mmhssakd.utils.runs import curve, speed
from mmhssakd.utils.statistics import paired_difference, summarise

ROOT = Path(__file__).parents[1]


@dataclass
class Arm:
    """One training run: a config, its options, and where it works.

    Args:
        name (str): Row of the table.
        config (str): Config file, relative to the project's root.
        work_dir (Path): Its folder. ``result.json`` in it marks a finished run.
        seed (int): Seed of the run.
        metrics (Sequence[str]): Validation metrics to report, the main one first.
        options (dict): ``--cfg-options``.
        flags (Sequence[str]): Further options of train.py.
    """

    name: str
    config: str
    work_dir: Path
    seed: int
    metrics: Sequence[str]
    options: Dict[str, object] = field(default_factory=dict)
    flags: Sequence[str] = ()

    @property
    def checkpoint(self) -> Path:
        """The last checkpoint that the run wrote."""
        return Path((self.work_dir / 'last_checkpoint').read_text().strip())

    def _claim(self, wanted: dict) -> None:
        """Note in the work dir what runs there.

        Raises:
            RuntimeError: Something else did.
        """
        file = self.work_dir / 'arm.json'
        if file.is_file() and json.loads(file.read_text()) != wanted:
            raise RuntimeError(
                f'{self.work_dir} holds a run with other options, see {file}. Delete the folder, or '
                'choose another one with --work-dir.'
            )
        self.work_dir.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(wanted, indent=1))

    def run(self, threads: Optional[int] = None) -> dict:
        """Train, or go on training, unless the run is finished; returns its result.

        Args:
            threads (int, optional): CPU threads of a run that is not alone: each line of its output is labelled.
                By default all.

        Raises:
            RuntimeError: train.py failed, or another run lives in the folder.
        """
        options = {'randomness.seed': self.seed, **self.options}
        wanted = dict(config=self.config, options={k: str(v) for k, v in options.items()}, flags=list(self.flags))
        self._claim(wanted)
        file = self.work_dir / 'result.json'
        if file.is_file():
            print(f'== {self.name}, seed {self.seed}: finished before, {self.work_dir}', flush=True)
            return json.loads(file.read_text())
        print(f'== {self.name}, seed {self.seed}: {self.config} -> {self.work_dir}', flush=True)
        start = time.time()
        command = [
            sys.executable,
            str(ROOT / 'tools/train.py'),
            str(ROOT / self.config),
            '--work-dir',
            str(self.work_dir),
            '--resume',
            *self.flags,
            '--cfg-options',
            *(f'{k}={v}' for k, v in options.items()),
        ]
        code = (
            subprocess.run(command).returncode
            if threads is None
            else run_labelled(command, f'{self.name}, seed {self.seed}', threads)
        )
        if code:
            raise RuntimeError(
                f'{self.name} (seed {self.seed}) stopped with exit status {code}. Call the same '
                f'command again to go on from its last checkpoint in {self.work_dir}.'
            )
        curves = {metric: curve(self.work_dir, metric) for metric in self.metrics}
        result = dict(
            name=self.name,
            seed=self.seed,
            **wanted,
            wall_seconds=time.time() - start,
            **speed(self.work_dir),
            metrics={metric: list(values.values())[-1] for metric, values in curves.items()},
            curves=curves,
        )
        part = file.with_suffix('.part')
        part.write_text(json.dumps(result, indent=1))
        part.rename(file)
        return json.loads(file.read_text())


def run_labelled(command: Sequence[str], label: str, threads: int) -> int:
    """Run a command with so many CPU threads, a label before each line of its output; returns its exit status."""
    environment = dict(os.environ, OMP_NUM_THREADS=str(threads))
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment, text=True, errors='replace'
    ) as process:
        for line in process.stdout:
            print(f'[{label}] {line}', end='', flush=True)
    return process.returncode


def run_all(arms: Sequence[Arm], jobs: int = 1) -> List[dict]:
    """Run arms, ``jobs`` at a time, each with its part of the CPU's threads; returns their results in order.

    Raises:
        SystemExit: A run failed; those under way were finished first.
    """
    try:
        if jobs == 1:
            return [arm.run() for arm in arms]
        with ThreadPoolExecutor(jobs) as pool:
            return list(pool.map(lambda arm: arm.run(max(1, os.cpu_count() // jobs)), arms))
    except RuntimeError as error:
        sys.exit(str(error))


def tabulate(results: List[dict], *baselines: str) -> List[dict]:
    """Summarise the results of all seeds by arm, with the paired differences of the main metric to baselines."""
    rows = []
    main = next(iter(results[0]['metrics']))
    bases = {name: {r['seed']: r['metrics'][main] for r in results if r['name'] == name} for name in baselines}
    for name in dict.fromkeys(r['name'] for r in results):
        arm = [r for r in results if r['name'] == name]
        row = dict(
            name=name,
            seeds=[r['seed'] for r in arm],
            seconds=summarise([r['seconds'] for r in arm])['mean'],
            images_per_second=summarise([r['images_per_second'] for r in arm])['mean'],
            metrics={m: summarise([r['metrics'][m] for r in arm]) for m in arm[0]['metrics']},
        )
        row['differences'] = {
            baseline: paired_difference([r['metrics'][main] for r in arm], [base[r['seed']] for r in arm])
            for baseline, base in bases.items()
            if name != baseline and base.keys() == {r['seed'] for r in arm}
        }
        rows.append(row)
    return rows


def write_table(results: List[dict], baselines: Sequence[str], file: Path, scale: float = 1.0) -> str:
    """Tabulate results and write them beside their table, as ``file`` with the endings .json and .md.

    Returns:
        str: The table, in Markdown.
    """
    rows = tabulate(results, *baselines)
    table = markdown(rows, baselines, scale)
    file.with_suffix('.json').write_text(json.dumps(dict(rows=rows, results=results), indent=1))
    file.with_suffix('.md').write_text(table + '\n')
    return table


def markdown(rows: List[dict], baselines: Sequence[str], scale: float = 1.0) -> str:
    """Write the rows as a Markdown table; differences to the baselines are there when there are several seeds."""
    metrics = list(rows[0]['metrics'])
    titles = [metric.split('/')[-1] if len({m.split('/')[0] for m in metrics}) == 1 else metric for metric in metrics]
    baselines = baselines if any(len(row['seeds']) > 1 for row in rows) else ()
    head = ['', *titles, *(f'difference to {name} (95 % interval)' for name in baselines), 'seconds', 'images/s']
    lines = ['| ' + ' | '.join(head) + ' |', '|' + '---|' * len(head)]
    for row in rows:
        cells = [row['name']]
        for metric in metrics:
            value = row['metrics'][metric]
            deviation = f' ± {scale * value["std"]:.2f}' if value['count'] > 1 else ''
            cells.append(f'{scale * value["mean"]:.2f}{deviation}')
        for name in baselines:
            d = row['differences'].get(name)
            cells.append(f'{scale * d["mean"]:+.2f} ({scale * d["low"]:+.2f} to {scale * d["high"]:+.2f})' if d else '')
        lines.append('| ' + ' | '.join([*cells, f'{row["seconds"]:.0f}', f'{row["images_per_second"]:.0f}']) + ' |')
    return '\n'.join(lines)
