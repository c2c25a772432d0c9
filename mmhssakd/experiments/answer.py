"""What was seen and what it cost, in one sentence."""

from typing import Optional, Sequence

import numpy as np

from .runs import unit_of
from .table import columns_of, paired, split, summary


def answer(results: Sequence[dict], baselines: Sequence[str] = (), name: Optional[str] = None) -> str:
    """Say what an arm gained over a baseline, and at how many times its training time.

    Args:
        results (Sequence[dict]): As for :func:`build_table`, compared by one metric.
        baselines (Sequence[str]): The last one that has results is compared with.
        name (str, optional): The arm. Defaults to the last one that is no baseline, of those that have most seeds in
            common with the baseline.

    Returns:
        str: One sentence; of the highest result if there is nothing to compare.
    """
    metric, arms = columns_of(results)[0], split(results, 'name')
    unit, seeds = unit_of(metric)[1], {key: len(arm) for key, arm in arms.items()}
    base = next((key for key in reversed(baselines) if key in arms), '')
    names = [name] if name else [key for key in reversed(arms) if key not in baselines]
    pairs = {key: pair for key in names if base and (pair := paired(arms[key], arms[base], metric))}
    gains = {key: pair for key, pair in pairs.items() if pair['seeds'] > 1 or seeds[key] == seeds[base]}
    if not gains:
        reached = {key: [r['metrics'].get(metric, -np.inf) for r in arm] for key, arm in arms.items()}
        best = max(reached, key=lambda key: np.mean(reached[key]))
        count = f'{seeds[best]} seeds' if seeds[best] > 1 else 'one seed'
        said = f'{best}: {summary(reached[best], metric)} {unit}'.strip() + f' ({metric}, {count}'
        return f'{said}, the highest of {len(arms)}).' if len(arms) > 1 else f'{said}).'
    found = max(gains, key=lambda key: gains[key]['seeds'])
    gain = gains[found]
    mean, low, high = (f'{gain[key]:+.{2 if unit else 4}f}' for key in ('mean', 'low', 'high'))
    sure = f'95 % interval {low} to {high}, {gain["seeds"]} seeds' if gain['seeds'] > 1 else 'one seed, so no interval'
    ours, theirs = (np.mean([r.get('seconds') or np.nan for r in arms[key]]) for key in (found, base))
    cost = '' if np.isnan(ours / theirs) else f', at {ours / theirs:.1f} times its training time'
    doubt = '; the interval includes zero' if gain['low'] <= 0 <= gain['high'] else ''
    return f'{found}: {mean}{" points" if unit else ""} over {base} ({sure}){cost}{doubt}.'
