from .mimicry_loss import KDLoss, MimicryLoss
from .other_losses import DISTLoss, DKDLoss, StandardizedLoss

__all__ = ['DISTLoss', 'DKDLoss', 'KDLoss', 'MimicryLoss', 'StandardizedLoss']
