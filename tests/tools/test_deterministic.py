"""A run with ``randomness.deterministic=True`` is the same again, bit for bit: whole, and stopped and resumed."""

import pytest
import tiny_job
import torch
from processes import call

KINDS = dict(epochs=tiny_job.prepare, online=tiny_job.prepare_online, detector=tiny_job.prepare_detector)


@pytest.fixture
def train(tmp_path, monkeypatch):
    """Run tools/train.py; returns a checkpoint's weights. What the option changes in torch ends with the run."""
    tiny_job.leave_configs_as_they_are(monkeypatch)

    def train(config, name, checkpoint, *arguments, options=()):
        try:
            options = ('randomness.deterministic=True', *options)
            call('train.py', config, '--work-dir', tmp_path / name, *arguments, '--cfg-options', *options)
            assert torch.are_deterministic_algorithms_enabled() and torch.backends.cudnn.deterministic
        finally:
            torch.use_deterministic_algorithms(False)
            torch.backends.cudnn.deterministic = False
        return torch.load(tmp_path / name / checkpoint, weights_only=True)['state_dict']

    return train


@pytest.mark.parametrize('kind', KINDS)
def test_same_bits(train, kind, tmp_path):
    config, last = KINDS[kind](tmp_path, workers=2, seed=0)[kind]
    first, again = train(config, 'first', last), train(config, 'again', last)
    resumed = train(config, 'resumed', last, '--resume', tmp_path / 'first/epoch_2.pth')
    for other in (again, resumed):
        assert first.keys() == other.keys()
        assert not [name for name, value in first.items() if not torch.equal(value, other[name])]
    other = train(config, 'other', last, options=['randomness.seed=1'])
    assert any(not torch.equal(value, other[name]) for name, value in first.items())
