"""Finished trials that are kept in the repository: one line of JSON for each."""

import json
from pathlib import Path
from typing import Dict, Sequence

from .trial import Trial


def read_ledger(file: Path) -> Dict[str, dict]:
    """What trials reached, by the hash of their settings.

    Raises:
        ValueError: A line is no trial's result.
    """
    kept = {}
    for number, line in enumerate(file.read_text().splitlines() if file.is_file() else [], start=1):
        try:
            result = json.loads(line)
            kept[result['hash']] = result
        except (json.JSONDecodeError, KeyError, TypeError) as error:
            raise ValueError(f'{file}, line {number} is no result of a trial: {error!r}') from None
    return kept


def append_to_ledger(file: Path, result: dict) -> None:
    """Keep a result, unless a trial with these settings is there; paths on this machine are left out."""
    if result['hash'] in read_ledger(file):
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open('a') as ledger:
        ledger.write(json.dumps({key: value for key, value in result.items() if key != 'checkpoint'}) + '\n')


def known_results(trials: Sequence[Trial], ledger: Dict[str, dict]) -> Dict[str, dict]:
    """Results of trials that need not run, by folder; of a trial that others wait for, the checkpoint must be there.

    Args:
        trials (Sequence[Trial]): A trial comes after those that it needs.
        ledger (dict): What :func:`read_ledger` returns.
    """
    here = {trial.folder: result for trial in trials if (result := trial.result)}
    known = {trial.folder: ledger[trial.hash] for trial in trials if trial.hash in ledger} | here
    for trial in reversed(trials):
        if trial.folder not in known:
            for need, _ in trial.needs:
                if need.folder not in here:
                    known.pop(need.folder, None)
    return known
