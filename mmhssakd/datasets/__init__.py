from . import transforms
from .probe_datasets import STL10, TinyImageNet
from .stratified_subset import StratifiedSubset
from .voc_folder import VOCFolder

__all__ = ['STL10', 'StratifiedSubset', 'TinyImageNet', 'VOCFolder', 'transforms']
