"""Stop a run whose loss is no number."""
from typing import Optional

import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmhssakd.registry import HOOKS


@HOOKS.register_module()
class NonFiniteLossHook(Hook):
    """Stop training as soon as a loss term is NaN or infinite, before a checkpoint can be written.

    mmdet has a hook for the total loss, checked from time to time; this one names the term and the images.
    """

    priority = 'VERY_HIGH'

    def after_train_iter(self,
                         runner: Runner,
                         batch_idx: int,
                         data_batch: Optional[dict] = None,
                         outputs: Optional[dict] = None) -> None:
        """Check the loss terms that the training step returned.

        Raises:
            FloatingPointError: A term is not finite. The last checkpoint is the one written before.
        """
        terms = {name: value for name, value in (outputs or {}).items()
                 if 'loss' in name and isinstance(value, torch.Tensor) and not torch.isfinite(value).all()}
        if terms:
            if len(terms) > 1:
                terms.pop('loss', None)  # the sum, which says nothing more
            samples = (data_batch or {}).get('data_samples') or []
            images = [str(sample.get('img_path')) for sample in samples if sample.get('img_path')]
            values = ', '.join(f'{name}={value.item()}' for name, value in terms.items())
            raise FloatingPointError(
                f'{values} in iteration {runner.iter + 1} (epoch {runner.epoch + 1}). Training stops; the last good '
                f'checkpoint is kept in {runner.work_dir}. Lower the learning rate '
                '(optim_wrapper.optimizer.lr), clip gradients (optim_wrapper.clip_grad) or look at the images: '
                f'{", ".join(images) if images else "(the dataset names none)"}')
