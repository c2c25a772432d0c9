from .atomic_checkpoint_hook import AtomicCheckpointHook
from .check_hooks import CheckpointFitHook, ClassCountHook, PretrainedCheckHook
from .interrupt_hook import InterruptHook
from .late_info_hook import LateInfoHook
from .non_finite_loss_hook import NonFiniteLossHook

__all__ = [
    'AtomicCheckpointHook',
    'CheckpointFitHook',
    'ClassCountHook',
    'InterruptHook',
    'LateInfoHook',
    'NonFiniteLossHook',
    'PretrainedCheckHook',
]
