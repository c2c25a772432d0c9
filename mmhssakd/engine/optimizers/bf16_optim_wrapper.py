"""Mixed precision where there is no GPU."""

from contextlib import contextmanager, nullcontext
from typing import Any, Callable, ContextManager, Iterator

import torch
import torch.nn as nn
from mmengine.optim import OptimWrapper
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map_only

from mmhssakd.registry import OPTIM_WRAPPERS

aten = torch.ops.aten
PRODUCTS = (
    aten.convolution.default,
    aten.convolution_backward.default,
    aten.mm.default,
    aten.addmm.default,
    aten.bmm.default,
)


def has_bfloat16() -> bool:
    """Whether torch has fast bfloat16 kernels for this CPU (oneDNN asks for AVX-512 or newer)."""
    return torch.ops.mkldnn._is_mkldnn_bf16_supported()


class ProductsInFloat32(TorchDispatchMode):
    """Compute convolutions and matrix products of bfloat16 tensors in float32, then round the result.

    These are the values of a processor with bfloat16 instructions, which sums up in float32 as well. On a CPU
    without them torch's own bfloat16 kernels take ten times as long. Fused attention is left as it is.
    """

    def __torch_dispatch__(self, func: Callable, types: Any, args: tuple = (), kwargs: Any = None) -> Any:
        if func in PRODUCTS and any(isinstance(arg, Tensor) and arg.dtype == torch.bfloat16 for arg in args):
            args, kwargs = tree_map_only(Tensor, Tensor.float, (args, kwargs))
            return tree_map_only(Tensor, Tensor.bfloat16, func(*args, **(kwargs or {})))
        return func(*args, **(kwargs or {}))


@OPTIM_WRAPPERS.register_module()
class BF16OptimWrapper(OptimWrapper):
    """Forward pass under bfloat16 autocast on any device; no loss scaling, which bfloat16 does not need.

    mmengine's ``AmpOptimWrapper`` refuses to run on a CPU, and scales the loss, so ``--amp`` picks this one. On a CPU
    without bfloat16 instructions it saves memory and costs some time.
    """

    @contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[None]:
        """Enable autocast for the forward pass of ``model``."""
        device = next(model.parameters()).device.type
        with super().optim_context(model), torch.autocast(device, dtype=torch.bfloat16), self._products(device):
            yield

    def backward(self, loss: Tensor, **kwargs: Any) -> None:
        """Run the backward pass, with the forward pass's products."""
        with self._products(loss.device.type):
            super().backward(loss, **kwargs)

    @staticmethod
    def _products(device: str) -> ContextManager:
        return nullcontext() if device != 'cpu' or has_bfloat16() else ProductsInFloat32()
