"""Losses of a config's model on fixed weights and inputs, to be compared with stored ones.

``PYTHONPATH=. python tests/helpers/config_losses.py`` stores those of every config of ``CONFIGS``.
"""

import functools
import json
import tempfile
from pathlib import Path

import golden
import numpy as np
import torch
from mmengine.config import Config

from mmhssakd.models.distillers.teacher import read_model_config
from mmhssakd.registry import MODELS

ROOT = Path(__file__).parents[2]
FILE = ROOT / 'tests/data/config_losses.json'
CONFIGS = {  # with the height and width of the images
    str(file.relative_to(ROOT)): size
    for folder, size in (
        ('configs', 64),
        ('configs/fashion_mnist', 28),
        ('configs/photos', 32),
        ('configs/cifar100', 16),
    )
    for file in sorted((ROOT / folder).glob('*.py'))
}
CHECKPOINTS = tempfile.TemporaryDirectory()
TABLE = torch.from_numpy(np.random.RandomState(0).standard_normal(10007))


def draw_weights(model: torch.nn.Module, base: int, quick: bool) -> dict:
    """Fill the weights as ``golden.draw`` does; ``quick``: the large tensors, scaled alike, from a table."""
    state = model.state_dict()
    for i, (name, value) in enumerate(state.items(), start=base):
        if quick and value.ndim == 4:
            numbers = TABLE.roll(-i).repeat(-(-value.numel() // len(TABLE)))[: value.numel()]
            value.copy_(numbers.view_as(value) * (2 / value[0].numel()) ** 0.5)
        else:
            value.copy_(golden.draw(name, list(value.shape), i))
    return state


@functools.cache
def teacher_checkpoint(config: str, quick: bool) -> str:
    """A checkpoint of a teacher's config with drawn weights, once for all its students."""
    file = tempfile.mkstemp(suffix='.pth', dir=CHECKPOINTS.name)[1]
    torch.save(draw_weights(MODELS.build(read_model_config(config)), 10000, quick), file)
    return file


def build(model: Config, quick: bool = False) -> torch.nn.Module:
    """A config's model with drawn weights, and with such a teacher if it has one."""
    if model.get('teacher'):
        model.teacher.checkpoint = teacher_checkpoint(model.teacher.config, quick)
        if 'cache' in model.teacher:
            model.teacher.cache = tempfile.mkdtemp(dir=CHECKPOINTS.name) + '/said.npy'
    model = MODELS.build(model)
    draw_weights(model, 0, quick)
    return model.train()


def losses(file: str, seen: dict = {}) -> dict:
    """Loss terms of a training step, in which every weight gets a gradient; equal models share one computation."""
    config = Config.fromfile(ROOT / file).model
    key = str(config)
    if key not in seen:
        images, data_samples = golden.batch(dict(batch=2, resolution=CONFIGS[file], labels=[5, 9]))
        for i, sample in enumerate(data_samples):
            sample.set_metainfo(dict(crop=(i, 2)))
        model = build(config, quick='cifar100' in file)
        found = model(images.float(), data_samples, mode='loss')
        model.parse_losses(found)[0].backward()
        assert not [name for name, p in model.named_parameters() if p.requires_grad and p.grad is None]
        seen[key] = {name: value.item() for name, value in found.items() if 'loss' in name}
    return seen[key]


def stored() -> dict:
    return json.loads(FILE.read_text())


if __name__ == '__main__':
    import mmhssakd  # noqa: F401

    FILE.write_text(json.dumps({file: losses(file) for file in CONFIGS}, indent=1) + '\n')
