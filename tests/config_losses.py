"""Losses of a config's model on fixed weights and inputs, to be compared with stored ones.

``python tests/config_losses.py`` prints the losses of every config of ``CONFIGS`` and stores them.
"""

import json
from pathlib import Path

import golden
import torch
from mmengine.config import Config

from mmhssakd.registry import MODELS

ROOT = Path(__file__).parents[1]
STORED = Path(__file__).parent / 'data' / 'config_losses.json'
CONFIGS = sorted(
    str(file.relative_to(ROOT))
    for folder in ('configs', 'configs/fashion_mnist')
    for file in (ROOT / folder).glob('*.py')
)


def draw_weights(model: torch.nn.Module, base: int = 0) -> None:
    state = model.state_dict()
    model.load_state_dict(
        {name: golden.draw(name, list(value.shape), base + i) for i, (name, value) in enumerate(state.items())}
    )


def build(model: dict, folder: Path) -> torch.nn.Module:
    """Build a model from its config; its teacher's checkpoint is drawn and saved in ``folder``."""
    if model.get('teacher'):
        teacher = MODELS.build(Config.fromfile(model.teacher.config).model)
        draw_weights(teacher, 10000)
        model.teacher.checkpoint = str(folder / 'teacher.pth')
        torch.save(dict(state_dict=teacher.state_dict()), model.teacher.checkpoint)
    model = MODELS.build(model)
    draw_weights(model)
    return model.train()


def losses(file: str, folder: Path, seen: dict = {}) -> dict:
    """Losses of a config's model; configs of the same model share one computation."""
    config = Config.fromfile(ROOT / file).model
    key = str(config)
    if key not in seen:
        images, data_samples = golden.batch(dict(batch=2, resolution=64 if 'imagenet' in file else 28, labels=[5, 9]))
        found = build(config, folder)(images.float(), data_samples, mode='loss')
        seen[key] = {name: value.item() for name, value in found.items() if 'loss' in name}
    return seen[key]


if __name__ == '__main__':
    import tempfile

    import mmhssakd  # noqa: F401

    with tempfile.TemporaryDirectory() as tmp:
        found = {file: losses(file, Path(tmp)) for file in CONFIGS}
    print(json.dumps(found, indent=1))
    STORED.write_text(json.dumps(found, indent=1) + '\n')
