"""The one table of results: means and deviations over seeds, and paired differences to baselines."""

import re
from typing import Any, Dict, List, Optional, Sequence, Tuple

import numpy as np
from scipy import stats

from .runs import unit_of, with_unit

SHOWN = re.compile(r'top1$|mAP$|(AP|mAP_)50$')  # columns, if a run has any of them: mmdet alone logs ten thresholds
COSTS = {'seconds': 'seconds', 'images/s': 'images_per_second'}


def columns_of(results: Sequence[dict]) -> List[str]:
    """Metrics that a table of results shows, the one that trials are compared by first."""
    metrics = list(dict.fromkeys(name for result in results for name in result['metrics']))
    main = results[0].get('metric') or metrics[0]
    return list(dict.fromkeys([main, *([name for name in metrics if SHOWN.search(name)] or metrics)]))


def summary(values: Sequence[float], metric: str) -> str:
    """Mean and sample standard deviation as text; '' of no values."""
    digits = 2 if unit_of(metric)[1] else 4
    deviation = f' ± {np.std(values, ddof=1):.{digits}f}' if len(values) > 1 else ''
    return f'{np.mean(values):.{digits}f}{deviation}' if len(values) else ''


def split(results: Sequence[dict], key: str) -> Dict[str, List[dict]]:
    """Results by ``name``, or by the ``metric`` that they are compared by, in their order."""
    parts: Dict[str, List[dict]] = {}
    for result in results:
        parts.setdefault(result[key], []).append(result)
    return parts


def paired(own: List[dict], base: List[dict], metric: str, level: float = 0.95) -> Optional[Dict[str, Any]]:
    """Mean difference of two arms over the seeds that both have, with its interval by Student's t (NaN for one seed).

    None if they have no seed in common, or one has a seed twice.
    """
    ours, theirs = ({r['seed']: r['metrics'].get(metric) for r in arm} for arm in (own, base))
    seeds = [seed for seed in ours if None not in (ours[seed], theirs.get(seed))]
    if own is base or not seeds or (len(ours), len(theirs)) != (len(own), len(base)):
        return None
    values, others = ([arm[seed] for seed in seeds] for arm in (ours, theirs))
    low = high = float('nan')
    if len(seeds) > 1:
        low, high = map(float, stats.ttest_rel(values, others).confidence_interval(level))
    return dict(mean=float(np.mean(np.subtract(values, others))), low=low, high=high, seeds=len(seeds))


def difference(own: List[dict], base: List[dict], metric: str) -> str:
    """Paired difference of two arms that have several seeds in common; else ''."""
    found = paired(own, base, metric)
    if not found or found['seeds'] == 1:
        return ''
    return f'{found["mean"]:+.2f} ({found["low"]:+.2f} to {found["high"]:+.2f})'


def build_table(results: Sequence[dict], baselines: Sequence[str] = ()) -> Tuple[List[str], List[List[str]]]:
    """Tabulate results, one row for all seeds of a name.

    Args:
        results (Sequence[dict]): With ``name``, ``seed`` and ``metrics`` in their units; ``metric``, the main one,
            ``seconds`` and ``images_per_second`` may be there.
        baselines (Sequence[str]): Names that the others are compared with, by the main metric.

    Returns:
        tuple: Titles of the columns, and the rows of cells.
    """
    metrics = columns_of(results)
    arms = split(results, 'name')
    several = any(len(arm) > 1 for arm in arms.values())
    compared = [name for name in baselines if name in arms and several]
    costs = COSTS if 'seconds' in results[0] else {}
    differences = [f'{metrics[0]}: difference to {name} (95 % interval)' for name in compared]
    rows = []
    for name, arm in arms.items():
        row = [name + (f' ({len(arm)} seeds)' if len(arm) > 1 else '')]
        row += [summary([r['metrics'][metric] for r in arm if metric in r['metrics']], metric) for metric in metrics]
        row += [difference(arm, arms[base], metrics[0]) for base in compared]
        spent = [[r[key] for r in arm if r.get(key)] for key in costs.values()]
        rows.append(row + [f'{np.mean(values):.0f}' if values else '' for values in spent])
    return ['trial', *map(with_unit, metrics), *differences, *costs], rows


def markdown(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Write a table in Markdown."""
    return '\n'.join('| ' + ' | '.join(line) + ' |' for line in [titles, ['---'] * len(titles), *rows])
