from .atomic_checkpoint_hook import AtomicCheckpointHook
from .checkpoint_fit_hook import CheckpointFitHook
from .class_count_hook import ClassCountHook
from .interrupt_hook import InterruptHook
from .non_finite_loss_hook import NonFiniteLossHook
from .pretrained_check_hook import PretrainedCheckHook

__all__ = [
    'AtomicCheckpointHook',
    'CheckpointFitHook',
    'ClassCountHook',
    'InterruptHook',
    'NonFiniteLossHook',
    'PretrainedCheckHook',
]
