from .backbones import CIFARResNet
from .classifiers import SSAClassifier
from .data_preprocessor import ViewsDataPreprocessor
from .distillers import HSSAKD
from .losses import KDLoss
from .necks import AuxiliaryNeck

__all__ = ['AuxiliaryNeck', 'CIFARResNet', 'HSSAKD', 'KDLoss', 'SSAClassifier', 'ViewsDataPreprocessor']
