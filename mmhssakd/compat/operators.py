"""Stand-ins for mmcv's compiled operators, through torchvision's or plain torch.

mmcv asks the module ``mmcv._ext`` for its operators by name when ``mmcv.ops`` is imported. Where no compiled one is
installed, :func:`install` puts :class:`StandIns` there. Arguments are those of mmcv's C++ functions: results go into
tensors that the caller made. Half precision is computed in float32 and rounded at the end.
"""

import importlib
import sys
import types
import warnings
from importlib.machinery import ModuleSpec
from typing import Any, Callable, Dict, List

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

NAME = 'mmcv._ext'
BUILD = 'docs/get_started.md, under "Compiled operators", says how to build compiled mmcv'
TINY = torch.finfo(torch.float32).tiny  # C's FLT_MIN
STAND_INS: Dict[str, Callable] = {}


class StandIns(types.ModuleType):
    """A module that has every operator's name; one without a stand-in raises when it is called."""

    def __init__(self) -> None:
        super().__init__(NAME, __doc__)
        self.__spec__ = ModuleSpec(NAME, None)

    def __getattr__(self, name: str) -> Callable:
        if name.startswith('__'):
            raise AttributeError(name)

        def missing(*args: Any, **kwargs: Any) -> None:
            raise NotImplementedError(f'{name}: this operator of mmcv has no stand-in in mmhssakd. {BUILD}.')

        return missing


def install() -> None:
    """Put the stand-ins in place where mmcv has no compiled operators, or has some that do not load."""
    try:
        importlib.import_module(NAME)
        return
    except ModuleNotFoundError as error:
        if error.name != NAME:
            raise
    except (ImportError, OSError) as error:
        warnings.warn(
            f"mmcv's compiled operators do not load, so stand-ins through torchvision are used: {error}. "
            f'They were built for another torch, or by halves: {BUILD}.',
            stacklevel=2,
        )
    module = StandIns()
    vars(module).update(STAND_INS)
    sys.modules[NAME] = module


def in_use() -> str:
    """Which operators ``mmcv.ops`` runs on."""
    return 'stand-ins (torchvision)' if isinstance(sys.modules[NAME], StandIns) else 'compiled (mmcv)'


def stand_in(function: Callable) -> Callable:
    """Register a function under its own name."""
    STAND_INS[function.__name__] = function
    return function


def wide(*tensors: Tensor) -> List[Tensor]:
    """The tensors in float32, or in float64 if they are."""
    return [tensor.to(torch.promote_types(tensor.dtype, torch.float32)) for tensor in tensors]


def vision() -> Any:
    """torchvision's operators."""
    import torchvision  # noqa: F401, it registers them; a heavy import

    return torch.ops.torchvision


def single(number: float) -> float:
    """The number rounded to float32, which is what mmcv's C++ functions take."""
    return float(np.float32(number))


for name in ('get_compiler_version', 'get_compiling_cuda_version'):  # for mmcv's report of the environment
    STAND_INS[name] = lambda: 'n/a'


# Suppression. The offset, 0 or 1, is added to widths and heights.


@stand_in
def nms(boxes: Tensor, scores: Tensor, iou_threshold: float, offset: int) -> Tensor:
    """Indices (K,) of the boxes (N, 4) that no better one overlaps by more than the threshold, best first."""
    boxes, scores = wide(boxes, scores)
    scores, order = scores.sort(descending=True)  # torchvision's own sort puts equal scores in another order
    boxes = torch.cat([boxes[:, :2], boxes[:, 2:] + offset], dim=1)[order]
    return order[vision().nms(boxes, scores, single(iou_threshold))]


def overlaps(box: Tensor, boxes: Tensor, offset: int = 0) -> Tensor:
    """Intersection over union (N,) of a box (4,) with boxes (N, 4)."""
    sides = (torch.minimum(box[2:], boxes[:, 2:]) - torch.maximum(box[:2], boxes[:, :2]) + offset).clamp(min=0)
    inter = sides.prod(1)
    return inter / ((box[2:] - box[:2] + offset).prod() + (boxes[:, 2:] - boxes[:, :2] + offset).prod(1) - inter)


@stand_in
def softnms(boxes: Tensor, scores: Tensor, dets: Tensor, **options: Any) -> Tensor:
    """Lower the scores (N,) of boxes (N, 4) that overlap better ones; method: 0 naive, 1 linear, 2 gaussian.

    Returns:
        Tensor: Indices (K,) of what is left, best first; ``dets`` (N, 5) holds its boxes and scores.
    """
    method, threshold = options['method'], options['iou_threshold']
    scores, left, i = scores.clone(), list(range(len(boxes))), 0
    while i < len(left):
        best = i + int(scores[left[i:]].argmax())
        left[i], left[best] = left[best], left[i]
        rest = left[i + 1 :]
        iou = overlaps(boxes[left[i]], boxes[rest], options['offset'])
        if method == 2:
            scores[rest] *= torch.exp(-(iou * iou) / options['sigma'])
        else:
            scores[rest] *= torch.where(iou >= threshold, 1 - iou if method == 1 else 0, 1)
        low = (scores < options['min_score']).tolist()
        i = position = i + 1
        while position < len(left):  # the last one takes a dropped one's place, as in mmcv: ties depend on it
            if low[left[position]]:
                left[position] = left[-1]
                left.pop()
            else:
                position += 1
    dets[: len(left)] = torch.cat([boxes[left], scores[left, None]], dim=1)
    return torch.tensor(left, dtype=torch.long)


# Pooling of regions. rois (K, 5) holds the image's index and x1, y1, x2, y2.


def align(options: dict, *shape: int) -> tuple:
    """The last arguments of torchvision's functions.

    Raises:
        NotImplementedError: The mode is 0, which is mmcv's code for 'max'.
    """
    if options['pool_mode'] == 0:
        raise NotImplementedError(f"roi_align: pool_mode='max' has no stand-in, pool_mode='avg' has. {BUILD}.")
    size = (options['aligned_height'], options['aligned_width'])
    return (single(options['spatial_scale']), *size, *shape, options['sampling_ratio'], options['aligned'])


@stand_in
def roi_align_forward(input: Tensor, rois: Tensor, output: Tensor, *argmax: Tensor, **options: Any) -> None:
    """Averages of bilinear samples in each region's bins, into ``output`` (K, C, H, W).

    mmcv counts samples (``sampling_ratio=0``) in float32, torchvision in the type of the input: in float64, a bin whose
    size is within float32's rounding of a whole number may get one sample more or less.
    """
    output.copy_(vision().roi_align(*wide(input, rois), *align(options)))


@stand_in
def roi_align_backward(*tensors: Tensor, **options: Any) -> None:
    """The gradient, into ``grad_input``."""
    grad_output, rois, _, _, grad_input = tensors
    arguments = align(options, *grad_input.shape)
    grad_input.copy_(vision()._roi_align_backward(*wide(grad_output, rois), *arguments))


def edges(count: int, size: Tensor, start: Tensor, limit: int) -> List[List[int]]:
    """Where each of a region's bins begins and ends on one axis of the image."""
    bins = torch.arange(count + 1, device=size.device) * size + start
    return [side.long().clamp(0, limit).tolist() for side in (bins[:-1].floor(), bins[1:].ceil())]


@stand_in
def roi_pool_forward(input: Tensor, rois: Tensor, output: Tensor, argmax: Tensor, **options: Any) -> None:
    """Maxima of each region's bins, and where they are (-1: the bin is empty); unlike torchvision's, edges are not
    rounded. One region after the other: slow, for the few detectors that still use it.
    """
    height, width = input.shape[2:]
    pooled_height, pooled_width, scale = options['pooled_height'], options['pooled_width'], options['spatial_scale']
    (rois,) = wide(rois)
    start, end = rois[:, 1:3] * single(scale), (rois[:, 3:] + 1) * single(scale)
    sizes = (end - start) / rois.new_tensor([pooled_width, pooled_height])
    for k in range(len(rois)):
        if (end[k] <= start[k]).any():
            continue  # mmcv leaves malformed regions as the caller made them: zero
        x1, x2 = edges(pooled_width, sizes[k, 0], start[k, 0], width)
        y1, y2 = edges(pooled_height, sizes[k, 1], start[k, 1], height)
        image = input[int(rois[k, 0])]
        for h, w in np.ndindex(pooled_height, pooled_width):
            region = image[:, y1[h] : y2[h], x1[w] : x2[w]]
            if region.numel() == 0:
                output[k, :, h, w], argmax[k, :, h, w] = 0, -1
                continue
            output[k, :, h, w], place = region.flatten(1).max(1)
            row, column = place // region.shape[2], place % region.shape[2]
            argmax[k, :, h, w] = (row + y1[h]) * width + column + x1[w]


@stand_in
def roi_pool_backward(grad_output: Tensor, rois: Tensor, argmax: Tensor, grad_input: Tensor, **options: Any) -> None:
    """The gradient, added to ``grad_input``."""
    channels, height, width = grad_input.shape[1:]
    planes = rois[:, :1].long() * channels + torch.arange(channels, device=rois.device)
    places = planes[..., None, None] * (height * width) + argmax
    kept = argmax >= 0
    grad_input.view(-1).index_add_(0, places[kept], grad_output[kept])


# Focal loss of logits (N, C) for classes (N,), of which C is the background.


def focal(input: Tensor, target: Tensor, weight: Tensor) -> List[Tensor]:
    """Probabilities, where they are of the right class, and the weight of each."""
    (input,) = wide(input)
    right = target[:, None] == torch.arange(input.shape[1], device=input.device)
    # mmcv reads past the end of the weights for the background; here it weighs 1
    weights = F.pad(weight.to(input), (0, 1), value=1)[target, None] if weight.numel() else input.new_ones(())
    return [input.sigmoid(), right, weights]


@stand_in
def sigmoid_focal_loss_forward(
    input: Tensor, target: Tensor, weight: Tensor, output: Tensor, gamma: float, alpha: float
) -> None:
    """The loss of each logit, into ``output``."""
    p, right, weights = focal(input, target, weight)
    positive = -alpha * (1 - p) ** gamma * p.clamp(min=TINY).log()
    negative = -(1 - alpha) * p**gamma * (1 - p).clamp(min=TINY).log()
    output.copy_(torch.where(right, positive, negative) * weights)


@stand_in
def sigmoid_focal_loss_backward(
    input: Tensor, target: Tensor, weight: Tensor, grad_input: Tensor, gamma: float, alpha: float
) -> None:
    """The gradient of the loss's sum, into ``grad_input``."""
    p, right, weights = focal(input, target, weight)
    positive = -alpha * (1 - p) ** gamma * (1 - p - gamma * p * p.clamp(min=TINY).log())
    negative = -(1 - alpha) * p**gamma * (gamma * (1 - p) * (1 - p).clamp(min=TINY).log() - p)
    grad_input.copy_(torch.where(right, positive, negative) * weights)


# Deformable convolution. torchvision has mmcv's order of offsets and masks; it needs no buffers and no im2col_step.


def first_kind(input: Tensor, weight: Tensor, offset: Tensor, options: dict) -> tuple:
    """Arguments of torchvision's functions for a convolution without mask and bias."""
    input, weight, offset = wide(input, weight, offset)
    empty = (input.new_zeros(len(input), 1), input.new_zeros(len(weight)))
    steps = [options[f'{key}{axis}'] for key in ('d', 'pad', 'dilation') for axis in 'HW']
    return (input, weight, offset, *empty, *steps, options['group'], options['deformable_group'], False)


@stand_in
def deform_conv_forward(*tensors: Tensor, **options: int) -> None:
    """The convolution, into ``output``."""
    input, weight, offset, output = tensors[:4]
    output.copy_(vision().deform_conv2d(*first_kind(input, weight, offset, options)))


@stand_in
def deform_conv_backward_input(*tensors: Tensor, **options: int) -> None:
    """The gradients of input and offset."""
    input, offset, grad_output, grad_input, grad_offset, weight, _ = tensors
    arguments = first_kind(input, weight, offset, options)
    grads = vision()._deform_conv2d_backward(*wide(grad_output), *arguments)
    grad_input.copy_(grads[0])
    grad_offset.copy_(grads[2])


@stand_in
def deform_conv_backward_parameters(*tensors: Tensor, scale: float = 1, **options: int) -> None:
    """The gradient of the weight, which it does not need."""
    input, offset, grad_output, grad_weight = tensors[:4]
    arguments = first_kind(input, grad_weight, offset, options)
    grads = vision()._deform_conv2d_backward(*wide(grad_output), *arguments)
    grad_weight.add_(grads[1], alpha=scale)


def second_kind(input: Tensor, weight: Tensor, bias: Tensor, offset: Tensor, mask: Tensor, options: dict) -> tuple:
    """Arguments of torchvision's functions for a convolution with a mask."""
    if not options['with_bias']:
        bias = weight.new_zeros(len(weight))
    steps = [options[f'{key}_{axis}'] for key in ('stride', 'pad', 'dilation') for axis in 'hw']
    return (*wide(input, weight, offset, mask, bias), *steps, options['group'], options['deformable_group'], True)


@stand_in
def modulated_deform_conv_forward(*tensors: Tensor, **options: Any) -> None:
    """The convolution, into ``output``."""
    input, weight, bias, _, offset, mask, output, _ = tensors
    output.copy_(vision().deform_conv2d(*second_kind(input, weight, bias, offset, mask, options)))


@stand_in
def modulated_deform_conv_backward(*tensors: Tensor, **options: Any) -> None:
    """All gradients."""
    input, weight, bias, _, offset, mask, _ = tensors[:7]
    grad_input, grad_weight, grad_bias, grad_offset, grad_mask, grad_output = tensors[7:]
    arguments = second_kind(input, weight, bias, offset, mask, options)
    grads = vision()._deform_conv2d_backward(*wide(grad_output), *arguments)
    for into, grad in zip((grad_input, grad_weight, grad_offset, grad_mask), grads):
        into.copy_(grad)
    if options['with_bias']:
        grad_bias.copy_(grads[4])


# Deformable attention.


def attend(value: Tensor, shapes: Tensor, locations: Tensor, weights: Tensor) -> Tensor:
    """mmcv's own function for the CPU."""
    from mmcv.ops.multi_scale_deform_attn import multi_scale_deformable_attn_pytorch

    return multi_scale_deformable_attn_pytorch(value, shapes.tolist(), locations, weights)


@stand_in
def ms_deform_attn_forward(*tensors: Tensor, im2col_step: int) -> Tensor:
    """The output (N, queries, heads * channels)."""
    value, shapes, _, locations, weights = tensors
    wide_value, locations, weights = wide(value, locations, weights)
    return attend(wide_value, shapes, locations, weights).to(value)


@stand_in
def ms_deform_attn_backward(*tensors: Tensor, im2col_step: int) -> None:
    """The gradients of values, locations and weights: the forward pass is repeated."""
    value, shapes, _, locations, weights, grad_output, *into = tensors
    inputs = [tensor.detach().requires_grad_() for tensor in wide(value, locations, weights)]
    with torch.enable_grad():
        output = attend(inputs[0], shapes, *inputs[1:])
    grads = torch.autograd.grad([output], inputs, wide(grad_output))
    for target, grad in zip(into, grads):
        target.copy_(grad)
