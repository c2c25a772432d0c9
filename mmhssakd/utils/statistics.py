"""Means, deviations and paired differences of a few seeds."""

from typing import Dict, Sequence

import numpy as np
from scipy import stats


def summarise(values: Sequence[float]) -> Dict[str, float]:
    """Mean and sample standard deviation (NaN for a single value)."""
    return dict(
        mean=float(np.mean(values)),
        std=float(np.std(values, ddof=1)) if len(values) > 1 else float('nan'),
        count=len(values),
    )


def paired_difference(values: Sequence[float], baseline: Sequence[float], level: float = 0.95) -> Dict[str, float]:
    """Mean of ``values - baseline``, seed by seed, with its confidence interval by Student's t.

    Raises:
        ValueError: The two have different lengths.
    """
    if len(values) != len(baseline):
        raise ValueError(f'Paired values are needed, but got {len(values)} and {len(baseline)}.')
    difference = np.subtract(values, baseline)
    half = float('nan')
    if len(difference) > 1:
        half = float(stats.t.ppf((1 + level) / 2, len(difference) - 1) * stats.sem(difference))
    mean = float(difference.mean())
    return dict(mean=mean, low=mean - half, high=mean + half)
