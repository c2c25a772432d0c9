from .dense_loss import DenseLoss
from .dist_loss import DISTLoss
from .dkd_loss import DKDLoss
from .kd_loss import KDLoss
from .mimicry_loss import MimicryLoss
from .standardized_loss import StandardizedLoss

__all__ = ['DenseLoss', 'DISTLoss', 'DKDLoss', 'KDLoss', 'MimicryLoss', 'StandardizedLoss']
