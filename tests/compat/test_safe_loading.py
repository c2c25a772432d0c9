import pickle

import pytest
import torch
from mmengine.logging import HistoryBuffer
from mmengine.optim import OptimWrapper
from mmengine.registry import PARAM_SCHEDULERS


def reload(content, tmp_path):
    torch.save(content, tmp_path / 'file.pth')
    return torch.load(tmp_path / 'file.pth', weights_only=True)


def test_history_buffers_load(tmp_path):
    buffer = HistoryBuffer([1.0, 2.0, 4.0], [1, 1, 1], max_length=10)
    assert reload(dict(buffer=buffer), tmp_path)['buffer'].mean(2) == 3.0


@pytest.mark.parametrize(
    'config',
    [
        dict(type='OneCycleLR', eta_max=0.1, total_steps=10),
        dict(type='MultiStepLR', milestones=[3, 6]),
        dict(type='CosineAnnealingLR', T_max=10),
        dict(type='LinearLR', start_factor=0.1),
        dict(type='PolyLR'),
        dict(type='ExponentialLR', gamma=0.9),
        dict(type='StepLR', step_size=2),
        dict(type='ConstantLR'),
    ],
)
def test_schedulers_load(config, tmp_path):
    optimizer = OptimWrapper(torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], 0.1, momentum=0.9))
    scheduler = PARAM_SCHEDULERS.build(config, default_args=dict(optimizer=optimizer))
    state = reload(scheduler.state_dict(), tmp_path)
    scheduler.load_state_dict(state)
    scheduler.step()


class Harmful:
    """Would make a file when it is unpickled."""

    def __init__(self, file):
        self.file = file

    def __reduce__(self):
        return open, (str(self.file), 'w')


class Sly:
    """Would reach the same through getattr."""

    def __reduce__(self):
        return getattr, (HistoryBuffer, '__subclasses__')


@pytest.mark.parametrize('make', [Harmful, lambda file: Sly()])
def test_code_in_a_pickle_never_runs(make, tmp_path):
    with pytest.raises(pickle.UnpicklingError):
        reload(dict(state_dict=make(tmp_path / 'harm')), tmp_path)
    assert not (tmp_path / 'harm').exists()
