"""Weights, inputs and expectations of the golden files in ``tests/data/golden``, as their README describes them."""

import json
from pathlib import Path

import numpy as np
import torch
from mmpretrain.structures import DataSample

from mmhssakd.converters.hsakd import import_hsakd, rename
from mmhssakd.registry import MODELS

FOLDER = Path(__file__).parents[1] / 'data' / 'golden'


def load(name: str) -> dict:
    return json.loads((FOLDER / f'{name}.json').read_text())


def keys(network: str) -> list:
    """Names and shapes of a released network's tensors, in the order of its state dict."""
    lines = (line.split() for line in (FOLDER / 'keys' / f'{network}.txt').read_text().splitlines())
    return [(name, [] if shape == 'scalar' else [int(size) for size in shape.split('x')]) for name, shape in lines]


def draw(name: str, shape: list, seed: int) -> torch.Tensor:
    """Draw tensor ``name``, the one with number ``seed``."""
    if name.endswith('num_batches_tracked'):
        return torch.tensor(0)
    n = np.random.RandomState(seed).standard_normal(shape)
    if name.endswith('running_mean'):
        n = 0.1 * n
    elif name.endswith('running_var'):
        n = 1 + 0.1 * abs(n)
    elif len(shape) == 4:
        n = n * np.sqrt(2 / np.prod(shape[1:]))
    elif len(shape) == 2:
        n = n * np.sqrt(1 / shape[1])
    elif name.endswith('.weight'):
        n = 1 + 0.1 * n
    else:
        n = 0.1 * n
    return torch.from_numpy(np.asarray(n))


def released_weights(keys: list, base: int = 0) -> dict:
    """A state dict of the released code; ``base`` is 0 for a student, 10000 for a teacher."""
    return {name: draw(name, shape, base + i) for i, (name, shape) in enumerate(keys)}


def batch(golden: dict) -> tuple:
    size, resolution = golden['batch'], golden['resolution']
    images = np.random.RandomState(777).standard_normal((size, 3, resolution, resolution))
    labels = np.random.RandomState(778).randint(0, 10, size)
    assert labels.tolist() == golden['labels']
    return torch.from_numpy(images), [DataSample().set_gt_label(int(label)) for label in labels]


def build(keys: list, base: int = 0, **options) -> torch.nn.Module:
    """Build our float64 model with the released weights."""
    weights, model = import_hsakd(released_weights(keys, base))
    model = MODELS.build({**model, **options}).double()
    model.load_state_dict(weights)
    return model.train()


def our_name(name: str) -> str:
    return next(iter(rename({name: None})))


def check_gradients(model: torch.nn.Module, norms: dict, tolerance: float = 1e-8) -> None:
    parameters = dict(model.named_parameters())
    assert {our_name(name) for name in norms} == set(parameters)
    for name, norm in norms.items():
        gradient = parameters[our_name(name)].grad
        if norm is None:
            assert gradient is None, name
        else:
            np.testing.assert_allclose(gradient.norm().item(), norm, rtol=tolerance, atol=1e-12, err_msg=name)
