from . import transforms
from .stratified_subset import StratifiedSubset

__all__ = ['StratifiedSubset', 'transforms']
