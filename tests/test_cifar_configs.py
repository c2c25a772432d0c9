"""The losses of the CIFAR-100 configs, in a file of their own, so that another process can do them: they are many."""

import config_losses
import pytest


@pytest.mark.parametrize('file', [file for file in config_losses.CONFIGS if 'cifar100' in file])
def test_losses(file):
    assert config_losses.losses(file) == pytest.approx(config_losses.stored()[file], rel=1e-3)
