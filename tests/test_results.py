"""The tables of results say what the ledger of finished trials holds."""

import json
import re
from pathlib import Path

import pytest

from mmhssakd.experiments import table
from mmhssakd.experiments.sweep import read_sweep

ROOT = Path(__file__).parents[1]
LEDGER = [json.loads(line) for line in (ROOT / 'docs/results/ledger.jsonl').read_text().splitlines()]
TOP1, MAP = 'accuracy/top1', 'coco/bbox_mAP'
RAN = {  # what the ledger calls arms whose rows have other names
    'KD, with unlabeled images': 'KD with 450 unlabeled',
    'HSSAKD, with unlabeled images': 'HSSAKD with 450 unlabeled',
    'HSSAKD, with squares of raccoons': 'HSSAKD with raccoon',
    'HSSAKD, with squares of blood cells': 'HSSAKD with BCCD',
    'KD, 7,440 steps': "KD for HSSAKD's time",
    'raccoon from HSSAKD, with squares of these images': 'raccoon from HSSAKD with raccoon',
    'BCCD from HSSAKD, with squares of these images': 'BCCD from HSSAKD with BCCD',
}


def rows_after(page: str, command: str) -> list:
    """The cells of the first table that follows a command of a page, its titles first."""
    text = (ROOT / page).read_text()
    found = re.search(r'(?:^\|.*\n)+', text[text.index(command) :], re.M)
    titles, _, *rows = ([cell.strip() for cell in line.strip('|').split('|')] for line in found[0].splitlines())
    return [titles, *rows]


def trials(sweep: dict, arm: str, budget: str = '') -> list:
    """What an arm of a sweep reached, at a budget if one is given, by the ledger."""
    name = RAN.get(arm, arm)
    arm = {'config': sweep['config'], **sweep['arms'][name]}
    name += f', x{budget}' * bool(budget)
    found = [trial for trial in LEDGER if (trial['name'], trial['config']) == (name, arm['config'])]
    return [trial for trial in found if images_of(trial['options']) == images_of(arm)]


def images_of(options: dict) -> list:
    """What tells the sweeps of few and of all photographs apart, whose arms have the same names."""
    return [str(value) for key, value in options.items() if key.endswith('num_images')]


def cells(ran: list, bases: list, metric: str) -> list:
    """An arm's number of seeds, what it reached, and its differences to others."""
    reached = table.summary([trial['metrics'][metric] for trial in ran], metric)
    return [str(len(ran)), reached, *('' if ran == base else table.difference(ran, base, metric) for base in bases)]


@pytest.mark.parametrize('name', ['budget-photos', 'budget-photos-all', 'budget-fashion-mnist'])
def test_tables_of_budgets(name):
    sweep = read_sweep(ROOT / f'configs/sweeps/{name}.json')
    titles, *rows = rows_after('docs/results.md', f'benchmark_budget.py configs/sweeps/{name}.json')
    assert titles[:3] + titles[6:] == ['budget', 'arm', 'seeds', 'top-1, %', 'difference to KD (95 % interval)']
    for budget, arm, seeds, epochs, _, _, top1, to_kd in rows:
        ran, kd = trials(sweep, arm, budget), trials(sweep, 'KD', budget)
        assert {trial['options']['train_cfg.max_epochs'] for trial in ran} == {epochs}, (budget, arm)
        assert [seeds, top1, to_kd] == cells(ran, [kd], TOP1), (budget, arm)
    assert len({(row[0], row[1]) for row in rows}) == len(rows)
    trained = {name for name, arm in sweep['arms'].items() if arm.get('seeds', True) and 'seed' not in arm}
    assert {row[1] for row in rows} == trained


def test_the_readme_has_rows_of_five_seeds():
    sweep = read_sweep(ROOT / 'configs/sweeps/budget-photos.json')
    _, *rows = rows_after('README.md', 'benchmark_budget.py configs/sweeps/budget-photos.json')
    for budget, kd, recipe, ahead in rows:
        arms = [trials(sweep, arm, budget) for arm in ('KD', 'recipe')]
        assert cells(arms[0], [], TOP1) == ['5', kd]
        assert cells(arms[1], [arms[0]], TOP1) == ['5', recipe, ahead]


def test_few_labels():
    sweep = read_sweep(ROOT / 'configs/sweeps/detection-starts.json')
    _, *rows = rows_after('docs/results.md', 'sweep.py configs/sweeps/unlabelled.json')
    for arm, *found in rows:
        assert found == cells(trials(sweep, arm), [trials(sweep, base) for base in ('KD', 'HSSAKD')], TOP1), arm


@pytest.mark.parametrize('page', ['docs/results.md', 'README.md'])
def test_starts_of_a_detector(page):
    sweep = read_sweep(ROOT / 'configs/sweeps/detection-starts.json')
    _, *rows = rows_after(page, 'sweep.py configs/sweeps/detection-starts.json')
    for start, seeds, *found in rows:
        for images, values in (('raccoon', found[:3]), ('BCCD', found[3:])):
            if values[0] != 'not run':
                ran, *bases = (trials(sweep, f'{images} from {arm}') for arm in (start, 'CE', 'KD'))
                assert [seeds, *values] == cells(ran, bases, MAP), (images, start)


def test_starts_at_equal_cost():
    sweep = read_sweep(ROOT / 'configs/sweeps/budget-starts.json')
    titles, *rows = rows_after('docs/results.md', 'sweep.py configs/sweeps/budget-starts.json')
    bases = [trials(sweep, re.search('KD, budget [0-9]+', title)[0]) for title in titles[3:]]
    for arm, *found in rows:
        assert found == cells(trials(sweep, arm), bases, MAP), arm


@pytest.mark.parametrize('file', sorted((ROOT / 'configs/sweeps').glob('*.json')), ids=lambda file: file.stem)
def test_arms_of_some_seeds_have_seeds_of_their_sweep(file):
    """A sweep that inherits another's arms inherits their seeds as well."""
    sweep = read_sweep(file)
    assert not [name for name, arm in sweep['arms'].items() if not {*arm.get('seeds', [])} <= {*sweep['seeds']}]
