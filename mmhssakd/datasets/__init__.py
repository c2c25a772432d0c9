from . import transforms
from .stratified_subset import StratifiedSubset
from .voc_folder import VOCFolder

__all__ = ['StratifiedSubset', 'VOCFolder', 'transforms']
