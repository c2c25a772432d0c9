"""Stop a run whose loss or gradient is no number, or leave out the step."""

from typing import Any, Dict, List, NamedTuple, Optional, Tuple

import torch
from mmengine.dist import all_reduce
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from torch.distributed.fsdp import FullyShardedDataParallel

from mmhssakd.registry import HOOKS
from .late_info_hook import on_device

Flags = Tuple[List[str], torch.Tensor]  # of parameters: their names, whether their gradients are finite


class Step(NamedTuple):
    """What is known of a training step."""

    iter: int
    epoch: int
    terms: Dict[str, torch.Tensor]
    gradients: List[Flags]
    data_samples: Any


@HOOKS.register_module()
class NonFiniteLossHook(Hook):
    """Stop training as soon as a loss term or a gradient is NaN or infinite; that step does not change the weights.

    On a GPU, which must not wait, the run stops one step later and before a checkpoint is written, unless steps may be
    left out.

    mmdet has a hook for the total loss, checked from time to time; this one names the term, the iteration and the
    images.

    With dynamic loss scaling (float16) the scaler leaves out steps with infinite gradients by itself; those are normal
    and not counted here.

    Args:
        max_skipped (int): How many steps of the run may be left out, each with a warning, before it stops. Of such a
            step neither weights nor buffers (the statistics of batch normalization) are kept. Defaults to 0.

    Raises:
        ValueError: ``max_skipped`` is negative or no whole number.
    """

    priority = 'VERY_HIGH'

    def __init__(self, max_skipped: int = 0) -> None:
        if not isinstance(max_skipped, int) or max_skipped < 0:
            raise ValueError(
                f'NonFiniteLossHook.max_skipped must be a number of steps, 0 or more, but got {max_skipped!r}.'
            )
        self.max_skipped = max_skipped
        self.gradients: List[Flags] = []
        self.waiting: Optional[Step] = None
        self.sharded = False
        self.buffers: Dict[str, torch.Tensor] = {}

    def before_train(self, runner: Runner) -> None:
        """Ask the optimizer to show its gradients before each step."""
        self.sharded = isinstance(runner.model, FullyShardedDataParallel)
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        names = {parameter: name for name, parameter in model.named_parameters()}
        wrappers = runner.optim_wrapper
        for wrapper in wrappers.values() if isinstance(wrappers, dict) else [wrappers]:
            wrapper.optimizer.register_step_pre_hook(lambda optimizer, args, kwargs: self.before_step(optimizer, names))

    def before_step(self, optimizer: torch.optim.Optimizer, names: Dict[torch.Tensor, str]) -> None:
        """Drop the gradients if one is not finite: optimizers do nothing for parameters without gradient."""
        if getattr(optimizer, 'found_inf', None) is not None:  # a fused optimizer, which does as the scaler says
            return
        parameters = [p for group in optimizer.param_groups for p in group['params'] if p.grad is not None]
        finite = torch.stack([torch.isfinite(p.grad).all() for p in parameters]) if parameters else torch.ones(0)
        flags = [names.get(p, '(unnamed)') for p in parameters], finite
        self.gradients.append(flags)
        if self.is_late(finite):
            return
        bad = not_finite([flags])
        if self.sharded:  # no process has all gradients
            somewhere = torch.tensor(len(bad))
            all_reduce(somewhere, 'max')
            if somewhere and not bad:
                self.gradients.append((['(of another process)'], torch.zeros(1)))
                bad = ['']
        for parameter in parameters if bad else ():
            parameter.grad = None

    def is_late(self, value: torch.Tensor) -> bool:
        """Whether a value is read one step later."""
        return on_device(value) and not self.max_skipped and not self.sharded

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Optional[dict] = None) -> None:
        """Keep the buffers, which a forward pass changes, if the step may have to be left out."""
        if self.max_skipped:
            self.buffers = {name: value.clone() for name, value in runner.model.named_buffers()}

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Optional[dict] = None, outputs: Optional[dict] = None
    ) -> None:
        """Check the loss terms that the training step returned, and what :meth:`before_step` found.

        Raises:
            FloatingPointError: Something is not finite, and no step may be left out (any more). The last checkpoint
                is the one written before.
        """
        terms = {
            name: value.detach()
            for name, value in (outputs or {}).items()
            if 'loss' in name and isinstance(value, torch.Tensor)
        }
        samples = data_batch.get('data_samples') if isinstance(data_batch, dict) else None
        step = Step(runner.iter, runner.epoch, terms, self.gradients, samples)
        self.gradients = []
        self.settle(runner)
        self.waiting = step
        if not any(map(self.is_late, terms.values())):
            self.settle(runner)

    def settle(self, runner: Runner) -> None:
        """Judge the step that waits for it; our Runner asks for this before it saves."""
        step, self.waiting = self.waiting, None
        if step is not None:
            self.judge(runner, step)

    after_train = settle

    def judge(self, runner: Runner, step: Step) -> None:
        """Stop, or leave out a step, if something in it is not finite."""
        finite = [torch.isfinite(value).all() for value in step.terms.values()]
        terms = not_finite([(list(step.terms), torch.stack(finite))] if finite else [])
        bad = not_finite(step.gradients)
        if not terms and not bad:
            return
        if len(terms) > 1 and 'loss' in terms:
            terms.remove('loss')  # the sum, which says nothing more
        what = ', '.join(f'{name}={step.terms[name].item()}' for name in terms)
        if not what:
            what = (
                f'gradient that is not finite, of {len(bad)} parameters ({", ".join(bad[:5])}'
                f'{", ..." if len(bad) > 5 else ""}),'
            )
        what = f'{what} in iteration {step.iter + 1} (epoch {step.epoch + 1})'
        images = f'look at the images: {image_names(step.data_samples)}'
        skipped = runner.message_hub.get_info('skipped_steps', 0) + 1 if self.max_skipped else 1
        if skipped > self.max_skipped:
            after = f' after {self.max_skipped} steps that were left out' if self.max_skipped else ''
            raise FloatingPointError(
                f'{what}. Training stops{after}; the last good checkpoint is kept in {runner.work_dir}. Lower the '
                'learning rate (optim_wrapper.optimizer.lr), clip gradients (optim_wrapper.clip_grad) or ' + images
            )
        runner.message_hub.update_info('skipped_steps', skipped)
        with torch.no_grad():
            for name, value in runner.model.named_buffers():
                value.copy_(self.buffers[name])
        if not getattr(runner.optim_wrapper, 'should_update', lambda: True)():
            runner.optim_wrapper.zero_grad()  # else what was accumulated would spoil the step to come
        runner.logger.warning(f'{what}: step left out, {skipped} of at most {self.max_skipped}; {images}')


def not_finite(flags: List[Flags]) -> List[str]:
    """Names of what is not finite; this reads the device."""
    return [name for names, finite in flags for name, good in zip(names, finite.tolist()) if not good]


def image_names(data_samples: Any) -> str:
    """Files of a batch's images, or their numbers in the data set."""
    names = [
        str(sample.get('img_path')) if sample.get('img_path') else f'number {sample.get("sample_idx")}'
        for sample in data_samples or []
        if sample.get('img_path') or sample.get('sample_idx') is not None
    ]
    return ', '.join(names) if names else '(the dataset names none)'
