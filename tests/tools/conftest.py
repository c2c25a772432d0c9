from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from mmhssakd.registry import MODELS

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope='session')
def teacher(tmp_path_factory) -> Path:
    """Checkpoint of an untrained teacher of the Fashion-MNIST family."""
    torch.manual_seed(0)
    file = tmp_path_factory.mktemp('teacher') / 'teacher.pth'
    model = MODELS.build(Config.fromfile(ROOT / 'configs/fashion_mnist/teacher_r8.py').model)
    torch.save(dict(state_dict=model.state_dict()), file)
    return file
