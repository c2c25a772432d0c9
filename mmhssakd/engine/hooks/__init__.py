from .non_finite_loss_hook import NonFiniteLossHook
from .pretrained_check_hook import PretrainedCheckHook

__all__ = ['NonFiniteLossHook', 'PretrainedCheckHook']
