"""What is compared: each variant is a training step with settings of its own."""

from dataclasses import dataclass, field
from typing import Callable, Dict

import torch
import torch.nn as nn
from mmengine.optim import OptimWrapper

from mmhssakd.engine.optimizers.bf16_optim_wrapper import has_bfloat16
from mmhssakd.registry import OPTIM_WRAPPERS
from . import reference
from .pairs import build, make_batch

SGD = dict(lr=0.01, momentum=0.9, weight_decay=5e-4, nesterov=True)
Step = Callable[[], Dict[str, float]]


@dataclass
class Variant:
    """Settings of a variant.

    Args:
        about (str): What it is, in a few words.
        kind (str): ``'ours'``, ``'reference'`` or ``'floor'``.
        model (dict): Options of the distiller.
        optimizer (dict): Options of SGD.
        amp (str): bfloat16 autocast: ``'off'``, ``'on'``, or ``'native'``: where the device has the instructions.
        cudnn_benchmark (bool): cuDNN tries which of its algorithms is the fastest.
        compile (bool): torch.compile of every residual block.
    """

    about: str
    kind: str = 'ours'
    model: dict = field(default_factory=dict)
    optimizer: dict = field(default_factory=dict)
    amp: str = 'off'
    cudnn_benchmark: bool = False
    compile: bool = False


VARIANTS = {
    'reference': Variant('the loss written down plainly', 'reference', dict(channels_last=False)),
    'default': Variant('our model, default settings'),
    'fast': Variant(
        'our model, recommended fast settings', optimizer=dict(fused=True), amp='native', cudnn_benchmark=True
    ),
    'floor': Variant('forward and backward of the networks alone', 'floor'),
    'floor_amp': Variant('the same, bfloat16 autocast', 'floor', amp='on'),
    # single changes, to see what each gives
    'fused': Variant('default, fused SGD', optimizer=dict(fused=True)),
    'with_cp': Variant('default, branches checkpointed', model=dict(with_cp=True)),
    'amp': Variant('default, bfloat16 autocast', amp='on'),
    'amp_with_cp': Variant('the same, branches checkpointed', model=dict(with_cp=True), amp='on'),
    'compile': Variant('default, blocks compiled', compile=True),
}


def numbers(log: Dict[str, torch.Tensor]) -> Dict[str, float]:
    """Read a log out."""
    return {name: value if isinstance(value, float) else value.item() for name, value in log.items()}


def reference_step(model: nn.Module, optimizer: dict, images: torch.Tensor, labels: torch.Tensor) -> Step:
    """The plain transcription's step, on the weights of our model."""
    student, teacher = reference.PlainNetwork(model), reference.PlainNetwork(model.teacher)
    student.train()
    teacher.eval()
    sgd = torch.optim.SGD(student.parameters(), **optimizer)
    return lambda: reference.step(student, teacher, sgd, images, labels)


def floor_step(model: nn.Module, images: torch.Tensor, amp: bool) -> Step:
    """Forward and backward of the networks that our model runs: no views, losses, optimizer or log."""
    views = model.make_views(images)

    def step() -> Dict[str, float]:
        model.zero_grad()
        with torch.autocast(views.device.type, torch.bfloat16, enabled=amp):
            model.teach(views)
            logits, aux_logits = model.forward_views(views)
        outputs = [logits, *aux_logits]
        torch.autograd.backward(outputs, [torch.full_like(output, 1e-3) for output in outputs])
        return {}

    return step


def our_step(model: nn.Module, optimizer: dict, amp: bool, data: dict) -> Callable[[], Dict[str, torch.Tensor]]:
    """mmengine's own training step; the log stays on the device."""
    sgd = torch.optim.SGD(model.parameters(), **optimizer)
    wrapper = OPTIM_WRAPPERS.build(dict(type='mmhssakd.BF16OptimWrapper', optimizer=sgd)) if amp else OptimWrapper(sgd)
    return lambda: model.train_step(data, wrapper)


def compile_blocks(model: nn.Module) -> None:
    """Compile each residual block of student and teacher; blocks of one shape share their code."""
    for network in (model, model.teacher):
        for module in network.modules():
            if type(module).__name__ in ('BasicBlock', 'Bottleneck'):
                module.compile()


def make_step(name: str, pair: str, size: int, batch_size: int, device: str = 'cpu', small: bool = False) -> Step:
    """Build a variant's step; called without arguments, it trains on the batch and returns its log, maybe empty."""
    variant = VARIANTS[name]
    torch.backends.cudnn.benchmark = variant.cudnn_benchmark
    model = build(pair, size, small=small, **variant.model)
    data, images, labels = make_batch(model, size, batch_size, device)
    model.to(device)
    optimizer = dict(SGD, **variant.optimizer)
    if variant.kind == 'reference':
        return reference_step(model, optimizer, images, labels)
    amp = variant.amp == 'on' or (variant.amp == 'native' and (device != 'cpu' or has_bfloat16()))
    if variant.kind == 'floor':
        return floor_step(model, images, amp)
    if variant.compile:
        compile_blocks(model)
    return our_step(model, optimizer, amp, data)
