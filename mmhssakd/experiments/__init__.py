from .sweep import Sweep, make_sweep, random_start, read_sweep
from .trial import Trial

__all__ = ['Trial', 'Sweep', 'make_sweep', 'random_start', 'read_sweep']
