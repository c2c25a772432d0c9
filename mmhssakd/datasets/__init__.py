from . import image_files, transforms
from .detection_folder import DetectionFolder
from .fixed_crops import FixedCrops
from .shares_sampler import SharesSampler
from .stl10 import STL10
from .stratified_subset import StratifiedSubset
from .tiny_imagenet import TinyImageNet
from .unlabelled_images import UnlabelledImages
from .voc_folder import VOCFolder

__all__ = [
    'DetectionFolder',
    'FixedCrops',
    'SharesSampler',
    'STL10',
    'StratifiedSubset',
    'TinyImageNet',
    'UnlabelledImages',
    'VOCFolder',
    'image_files',
    'transforms',
]
