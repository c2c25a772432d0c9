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


def tables(page: str, command: str) -> list:
    """The rows, by their titles, of the first table that follows a command of a page."""
    text = (ROOT / page).read_text()
    lines = text[text.index(command) :].splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith('|'))
    rows = []
    for line in lines[start:]:
        if not line.startswith('|'):
            break
        rows.append([cell.strip() for cell in line.strip('|').split('|')])
    return rows[:1] + rows[2:]


def trials(sweep: dict, arm: str, budget: str = '') -> list:
    """What an arm of a sweep reached, at a budget if one is given, by the ledger."""
    arm = RAN.get(arm, arm)
    name = arm + f', x{budget}' * bool(budget)
    found = [trial for trial in LEDGER if trial['name'] == name and trial['config'] == sweep['arms'][arm]['config']]
    return [trial for trial in found if images_of(trial['options']) == images_of(sweep['arms'][arm])]


def images_of(options: dict) -> list:
    """What tells the sweeps of few and of all photographs apart, whose arms have the same names."""
    return [str(value) for key, value in options.items() if key.endswith('num_images')]


def reached(trials: list, metric: str) -> str:
    return table.summary([trial['metrics'][metric] for trial in trials], metric)


def gap(own: list, base: list, metric: str) -> str:
    return '' if own == base else table.difference(own, base, metric)


@pytest.mark.parametrize('name', ['budget-photos', 'budget-photos-all', 'budget-fashion-mnist'])
def test_tables_of_budgets(name):
    sweep = read_sweep(ROOT / f'configs/sweeps/{name}.json')
    titles, *rows = tables('docs/results.md', f'benchmark_budget.py configs/sweeps/{name}.json')
    assert titles[:3] + titles[6:] == ['budget', 'arm', 'seeds', 'top-1, %', 'difference to KD (95 % interval)']
    for budget, arm, seeds, epochs, _, _, top1, to_kd in rows:
        ran, kd = trials(sweep, arm, budget), trials(sweep, 'KD', budget)
        assert len(ran) == int(seeds) and {trial['options']['train_cfg.max_epochs'] for trial in ran} == {epochs}, arm
        assert top1 == reached(ran, TOP1), (budget, arm)
        assert to_kd == gap(ran, kd, TOP1), (budget, arm)
    assert len({(row[0], row[1]) for row in rows}) == len(rows) > 9


def test_the_readme_has_rows_of_five_seeds():
    sweep = read_sweep(ROOT / 'configs/sweeps/budget-photos.json')
    _, *rows = tables('README.md', 'benchmark_budget.py configs/sweeps/budget-photos.json')
    for budget, kd, recipe, ahead in rows:
        arms = [trials(sweep, arm, budget) for arm in ('KD', 'recipe')]
        assert [len(arm) for arm in arms] == [5, 5]
        values = [reached(arm, TOP1) for arm in arms]
        assert [*values, gap(arms[1], arms[0], TOP1)] == [kd, recipe, ahead]


def test_few_labels():
    sweep = read_sweep(ROOT / 'configs/sweeps/detection-starts.json')
    _, *rows = tables('docs/results.md', 'sweep.py configs/sweeps/unlabelled.json')
    for arm, seeds, top1, *differences in rows:
        ran, found = trials(sweep, arm), [trials(sweep, base) for base in ('KD', 'HSSAKD')]
        assert len(ran) == int(seeds), arm
        assert top1 == reached(ran, TOP1), arm
        assert differences == [gap(ran, base, TOP1) for base in found], arm


@pytest.mark.parametrize('page', ['docs/results.md', 'README.md'])
def test_starts_of_a_detector(page):
    sweep = read_sweep(ROOT / 'configs/sweeps/detection-starts.json')
    _, *rows = tables(page, 'sweep.py configs/sweeps/detection-starts.json')
    for start, seeds, *cells in rows:
        for images, (maps, *differences) in (('raccoon', cells[:3]), ('BCCD', cells[3:])):
            if maps == 'not run':
                continue
            ran, *bases = (trials(sweep, f'{images} from {arm}') for arm in (start, 'CE', 'KD'))
            assert len(ran) == int(seeds), start
            assert maps == reached(ran, MAP), start
            assert differences == [gap(ran, base, MAP) for base in bases], start


def test_starts_at_equal_cost():
    titles, *rows = tables('docs/results.md', 'sweep.py configs/sweeps/budget-starts.json')
    bases = [re.search('KD, budget [0-9]+', title)[0] for title in titles[3:]]
    for arm, seeds, maps, *differences in rows:
        ran = [trial for trial in LEDGER if trial['name'] == arm]
        assert len(ran) == int(seeds), arm
        assert maps == reached(ran, MAP), arm
        found = [[trial for trial in LEDGER if trial['name'] == base] for base in bases]
        assert differences == [gap(ran, base, MAP) for base in found], arm
