from .backbones import (
    CIFARVGG,
    CIFARMobileNetV2,
    CIFARResNet,
    CIFARShuffleNetV1,
    CIFARShuffleNetV2,
    CIFARWideResNet,
    TorchvisionBackbone,
)
from .classifiers import SSAClassifier
from .data_preprocessor import ViewsDataPreprocessor
from .distillers import HSSAKD, OnlineHSSAKD
from .losses import DISTLoss, DKDLoss, KDLoss, StandardizedLoss
from .necks import AuxiliaryNeck, ConvBranch, TransformerBranch

__all__ = [
    'AuxiliaryNeck',
    'CIFARMobileNetV2',
    'CIFARResNet',
    'CIFARShuffleNetV1',
    'CIFARShuffleNetV2',
    'CIFARVGG',
    'CIFARWideResNet',
    'ConvBranch',
    'DISTLoss',
    'DKDLoss',
    'HSSAKD',
    'KDLoss',
    'OnlineHSSAKD',
    'SSAClassifier',
    'StandardizedLoss',
    'TorchvisionBackbone',
    'TransformerBranch',
    'ViewsDataPreprocessor',
]
