"""Turn a stage into one more stage of its kind that keeps the shape of its input."""

import torch
import torch.nn as nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.conv import _ConvNd

SHORTCUTS = ('downsample', 'shortcut')  # what packages call the projection beside a residual block


def _fit_input_channels(module: nn.Module, inputs: tuple) -> None:
    """Forward pre-hook: give a layer the number of input channels that it is fed."""
    channels = inputs[0].shape[1]
    if isinstance(module, _ConvNd) and module.in_channels != channels:
        depthwise = module.groups == module.in_channels
        module.in_channels = channels
        if depthwise:
            module.groups = module.out_channels = channels
        shape = (module.out_channels, channels // module.groups, *module.kernel_size)
        module.weight = nn.Parameter(module.weight.new_empty(shape))
        if depthwise and module.bias is not None:
            module.bias = nn.Parameter(module.bias.new_empty(channels))
        module.reset_parameters()
    elif isinstance(module, _BatchNorm) and module.num_features != channels:
        module.num_features = channels
        for name, tensor in (*module.named_parameters(), *module.named_buffers()):
            if tensor.ndim:
                setattr(module, name, type(tensor)(tensor.new_empty(channels)))
        module.reset_parameters()


def _drop_projections(stages: nn.Sequential) -> None:
    """Replace projection shortcuts that no longer change the shape by the identity."""
    for module in stages.modules():
        for name in SHORTCUTS:
            shortcut = getattr(module, name, None)
            convs = [m for m in shortcut.modules() if isinstance(m, _ConvNd)] if isinstance(shortcut, nn.Module) else []
            if convs and convs[0].in_channels == convs[-1].out_channels:
                setattr(module, name, nn.Identity())


def repeat_stage(stages: nn.Sequential, channels: int) -> nn.Sequential:
    """Make the last stages of a convolutional backbone take ``channels`` channels and keep the resolution, in place.

    Strides become 1, the first layers are widened to the new number of channels, with fresh weights, and a projection
    shortcut that would project C to C channels becomes the identity, as a residual stage has it where nothing changes
    its shape. Returns ``stages``.
    """
    for module in stages.modules():
        for name, child in module.named_children():
            if isinstance(child, _ConvNd):
                child.stride = (1,) * len(child.stride)
            elif isinstance(child, (nn.MaxPool2d, nn.AvgPool2d)) and child.stride not in (1, (1, 1)):
                setattr(module, name, nn.Identity())
    layers = [module for module in stages.modules() if isinstance(module, (_ConvNd, _BatchNorm))]
    handles = [layer.register_forward_pre_hook(_fit_input_channels) for layer in layers]
    training = stages.training
    with torch.no_grad():
        stages.eval()(torch.zeros(1, channels, 8, 8))
    for handle in handles:
        handle.remove()
    _drop_projections(stages)
    return stages.train(training)
