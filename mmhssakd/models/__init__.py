from .backbones import (CIFARVGG, CIFARMobileNetV2, CIFARResNet, CIFARShuffleNetV1, CIFARShuffleNetV2,
                        CIFARWideResNet)
from .classifiers import SSAClassifier
from .data_preprocessor import ViewsDataPreprocessor
from .distillers import HSSAKD, OnlineHSSAKD
from .losses import DISTLoss, DKDLoss, KDLoss, StandardizedLoss
from .necks import AuxiliaryNeck

__all__ = [
    'AuxiliaryNeck', 'CIFARMobileNetV2', 'CIFARResNet', 'CIFARShuffleNetV1', 'CIFARShuffleNetV2', 'CIFARVGG',
    'CIFARWideResNet', 'DISTLoss', 'DKDLoss', 'HSSAKD', 'KDLoss', 'OnlineHSSAKD', 'SSAClassifier', 'StandardizedLoss',
    'ViewsDataPreprocessor'
]
