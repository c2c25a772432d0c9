"""What mmcv's operators are asked, with inputs from seeds: for recorded values of compiled mmcv, and for live ones."""

import contextlib
import itertools
import sys
from typing import Any, Dict, Iterator

import numpy as np
import torch
from mmcv import ops
from torch.nn.modules.utils import _pair

USERS = (
    'nms',
    'roi_align',
    'roi_pool',
    'focal_loss',
    'deform_conv',
    'modulated_deform_conv',
    'multi_scale_deform_attn',
)
DTYPES = {'float32': torch.float32, 'float64': torch.float64}


@contextlib.contextmanager
def operators(module: Any) -> Iterator[None]:
    """Let ``mmcv.ops`` call the operators of a module."""
    users = [sys.modules[f'mmcv.ops.{name}'] for name in USERS]
    before = [user.ext_module for user in users]
    try:
        for user in users:
            user.ext_module = module
        yield
    finally:
        for user, original in zip(users, before):
            user.ext_module = original


def random(seed: int, *shape: int, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return torch.from_numpy(np.random.RandomState(seed).standard_normal(shape)).to(dtype)


def boxes(count: int, whole: bool = False, size: int = 40, seed: int = 0) -> torch.Tensor:
    """Boxes (N, 4) around an image of ``size``, some of them outside it, many of them overlapping."""
    numbers = np.random.RandomState(seed)
    start = numbers.uniform(-0.2 * size, size, (count, 2))
    found = np.concatenate([start, start + numbers.uniform(1, 0.6 * size, (count, 2))], axis=1)
    return torch.from_numpy(found.round() if whole else found).float()


def scores(count: int, ties: bool = False) -> torch.Tensor:
    found = torch.from_numpy(np.random.RandomState(1).uniform(size=count)).float()
    return (found * 10).round() / 10 if ties else found


def suppression() -> Iterator[tuple]:
    for count, whole, offset, threshold in itertools.product((0, 1, 120), (False, True), (0, 1), (0.3, 0.5, 0.6)):
        name = f'nms n={count} whole={whole} offset={offset} threshold={threshold}'
        given = (boxes(count, whole), scores(count), threshold)
        yield name, lambda given=given, offset=offset: ops.nms(*given, offset=offset)
        yield f'{name} filtered', lambda given=given: ops.nms(*given, score_threshold=0.3, max_num=10)
    for count, whole, method, offset in itertools.product(
        (0, 1, 60), (False, True), ('naive', 'linear', 'gaussian'), (0, 1)
    ):
        given = (boxes(count, whole), scores(count, whole), 0.3, 0.5, 0.05, method, offset)
        yield f'softnms n={count} whole={whole} {method} offset={offset}', lambda given=given: ops.soft_nms(*given)
    classes = torch.from_numpy(np.random.RandomState(2).randint(3, size=120))
    for kind, agnostic, split in itertools.product(('nms', 'soft_nms'), (False, True), (10000, 50)):
        config = dict(type=kind, iou_threshold=0.5, class_agnostic=agnostic, split_thr=split)
        given = (boxes(120), scores(120), classes, config)
        yield f'batched_nms {kind} agnostic={agnostic} split={split}', lambda given=given: ops.batched_nms(*given)


def ties() -> Dict[str, Any]:
    """Cases with equal scores: compiled mmcv sorts them as torch does, which differs between machines."""
    given = (boxes(120), scores(120, ties=True))
    return {'nms ties float32': lambda: ops.nms(*given, 0.5)}


def with_gradients(function: Any, inputs: Dict[str, torch.Tensor], seed: int = 9) -> Dict[str, torch.Tensor]:
    """The output of a function, and the gradient of each of its inputs."""
    inputs = {name: value.clone().requires_grad_() for name, value in inputs.items()}
    output = function(**inputs)
    grads = torch.autograd.grad(output, list(inputs.values()), random(seed, *output.shape).to(output))
    return dict(output=output.detach(), **{f'grad_{name}': grad for name, grad in zip(inputs, grads)})


REGIONS = {
    'none': torch.zeros(0, 5),
    'one image': torch.cat([torch.zeros(5, 1), boxes(5, seed=3)], dim=1),
    'two images': torch.cat([torch.tensor([[0.0], [1], [1], [0], [1]]), boxes(5, seed=4)], dim=1),
    'outside': torch.tensor(
        [[0.0, -90.3, -80, -40, -50.9], [1, 200, 210, 261.7, 292.2], [1, -10, -11, 60.1, 70.3], [0, 5, 5, 5, 5]]
    ),
}


def pooling(dtype: torch.dtype) -> Iterator[tuple]:
    image = random(5, 2, 2, 9, 7, dtype=dtype)
    for (regions, rois), aligned, sampling in itertools.product(REGIONS.items(), (False, True), (0, 2)):
        given = (rois.to(dtype), (3, 2), 0.2, sampling, 'avg', aligned)
        yield (
            f'roi_align {regions} aligned={aligned} sampling={sampling}',
            lambda given=given: with_gradients(lambda input: ops.roi_align(input, *given), dict(input=image)),
        )


def convolution(dtype: torch.dtype) -> Iterator[tuple]:
    for images, groups, deform_groups, stride, padding, dilation, kernel in (
        (1, 1, 1, 1, 1, 1, (3, 3)),
        (2, 2, 2, 2, (1, 2), 1, (3, 3)),
        (4, 1, 2, 1, 1, 2, (3, 3)),
        (2, 4, 1, (2, 1), (0, 1), (1, 2), (1, 3)),
    ):
        pairs = zip((6, 5), *map(_pair, (padding, dilation, stride)), kernel)
        size = [(side + 2 * pad - dilate * (span - 1) - 1) // step + 1 for side, pad, dilate, step, span in pairs]
        points = deform_groups * kernel[0] * kernel[1]
        inputs = dict(
            input=random(1, images, 4, 6, 5, dtype=dtype),
            offset=3 * random(2, images, 2 * points, *size, dtype=dtype),  # many points are outside the image
            weight=random(3, 4, 4 // groups, *kernel, dtype=dtype),
        )
        rest = (stride, padding, dilation, groups, deform_groups)
        name = f'images={images} groups={groups},{deform_groups} kernel={kernel}'

        def first(input, offset, weight, rest=rest):
            return ops.deform_conv2d(input, offset, weight, *rest, False, 2)

        def second(input, offset, mask, weight, bias=None, rest=rest):
            return ops.modulated_deform_conv2d(input, offset, mask, weight, bias, *rest)

        mask = dict(mask=random(4, images, points, *size, dtype=dtype).sigmoid())
        yield f'deform_conv {name}', lambda f=first, given=inputs: with_gradients(f, given)
        given = {**inputs, **mask}
        if images == 1:
            yield f'modulated_deform_conv {name}', lambda f=second, given=given: with_gradients(f, given)
        given = {**given, 'bias': random(5, 4, dtype=dtype)}
        yield f'modulated_deform_conv {name} bias', lambda f=second, given=given: with_gradients(f, given)


def cases() -> Dict[str, Any]:
    """Every case by its name; the last word is the type of its numbers."""
    found = {f'{name} float32': run for name, run in suppression()}
    for word, dtype in DTYPES.items():
        for name, run in itertools.chain(pooling(dtype), convolution(dtype)):
            found[f'{name} {word}'] = run
    return found


def arrays(result: Any) -> Dict[str, np.ndarray]:
    """What a case returned, by name."""
    if isinstance(result, (list, tuple)):
        result = dict(enumerate(result))
    return {str(key): value.numpy() for key, value in result.items()}
