"""What a sweep shows while it runs: a bar for every trial in a terminal, plain lines elsewhere."""

from typing import Any, Dict

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn, TimeRemainingColumn

from .runs import Run, unit_of
from .trial import Trial


def shown(metric: str, value: float) -> str:
    """A metric as a reader wants it: 'top1 81.5 %'."""
    unit = unit_of(metric)[1]
    return f'{metric.split("/")[-1]} {value:.2f} {unit}' if unit else f'{metric} {value:.4f}'


class Screen:
    """Says what happens; a context manager.

    Args:
        verbose (bool): Print the whole output of the trials, too. Then there are no bars.
        numbers (bool): Say what trials reached. Defaults to True.
    """

    def __init__(self, verbose: bool = False, numbers: bool = True) -> None:
        self.verbose, self.numbers = verbose, numbers
        self.console = Console(markup=False, highlight=False, emoji=False, soft_wrap=True)
        self.bars = Progress(
            TextColumn('{task.description}', markup=False),
            BarColumn(20),
            TaskProgressColumn(),
            TimeRemainingColumn(compact=True),
            TextColumn('{task.fields[reached]}', markup=False),
            console=self.console,
            disable=verbose or not self.console.is_terminal,
            transient=True,
            speed_estimate_period=3600,  # logged steps are seconds to minutes apart
        )
        self.tasks: Dict[str, TaskID] = {}
        self.read: Dict[str, int] = {}

    def __enter__(self) -> 'Screen':
        self.bars.start()
        return self

    def __exit__(self, *error: Any) -> None:
        self.bars.stop()

    def say(self, text: str = '') -> None:
        """Print a line or more, above the bars."""
        self.console.print(text)

    def start(self, trial: Trial, note: str) -> None:
        """A trial begins; there may be something to say about its folder."""
        if note:
            self.say(note)
        self.read[trial.folder] = trial.log.stat().st_size if trial.log.is_file() else 0
        self.tasks[trial.folder] = self.bars.add_task(str(trial), total=1.0, reached='')
        if self.bars.disable:
            self.say(f'{trial}: started, log: {trial.log}')

    def update(self, trial: Trial) -> None:
        """A trial goes on."""
        if self.verbose and trial.log.is_file():
            new = trial.log.read_bytes()[self.read[trial.folder] :]
            self.read[trial.folder] += len(new)
            for line in new.decode(errors='replace').splitlines():
                self.say(f'[{trial}] {line}')
        if not self.bars.disable:
            reached = self.numbers * [shown(metric, value) for metric, value in Run(trial.work_dir).final().items()][:1]
            self.bars.update(self.tasks[trial.folder], completed=trial.share, reached=''.join(reached))

    def end(self, trial: Trial, text: str) -> None:
        """A trial has ended."""
        self.update(trial)
        self.bars.remove_task(self.tasks[trial.folder])
        self.say(f'{trial}: {text}')

    def finished(self, trial: Trial, result: dict) -> None:
        """A trial is finished, now or since an earlier call."""
        metric = result['metric']
        reached = f'{shown(metric, result["metrics"][metric])}, ' if self.numbers else ''
        text = f'{reached}{result["wall_seconds"]:.0f} s, log: {trial.log}'
        self.end(trial, text) if trial.folder in self.tasks else self.say(f'{trial}: finished before, {text}')

    def failed(self, trial: Trial, why: str) -> None:
        """A trial failed: the end of its log, and where it lies."""
        last = trial.log.read_text(errors='replace').splitlines()[-15:] if trial.log.is_file() else []
        lines = [f'FAILED, {why}. The last lines of its log:', *last, f'The whole log: {trial.log}']
        self.end(trial, '\n    '.join(lines))
