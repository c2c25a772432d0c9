"""Changes to other packages' objects do what their reasons say."""

import os
import subprocess
import sys

import pytest
import small
import torch
import torch.nn as nn
from mmengine.logging import HistoryBuffer

from mmhssakd.compat.patches import stride_before_convolutions
from mmhssakd.registry import MODELS

STEPS = """
import mmhssakd, small, torch
from mmhssakd.registry import MODELS
torch.set_num_threads(2)
model = MODELS.build(small.config(auxiliary_neck=None, views=None))
images = torch.randn(7, 3, 28, 28)
for _ in range(30):
    model.parse_losses(model(images, small.samples(range(7)), mode='loss'))[0].backward()
print('trained')
"""


def test_few_channels_in_channels_last_do_not_crash():
    """Where the CPU has AVX-512, oneDNN's own stride crashes here."""
    paths = dict(os.environ, PYTHONPATH=os.pathsep.join(sys.path))
    done = subprocess.run([sys.executable, '-c', STEPS], capture_output=True, text=True, env=paths)
    assert done.returncode == 0 and done.stdout.splitlines()[-1] == 'trained', done.stderr[-2000:]


@pytest.mark.parametrize('size', [8, 9])
def test_the_result_is_the_same(size):
    torch.manual_seed(0)
    convs = [nn.Conv2d(8, 16, 1, stride=(2, 3)), nn.Conv2d(8, 8, 1), nn.Conv2d(8, 8, 3, 2), nn.Conv2d(16, 8, 1, 2)]
    images = {conv: torch.randn(5, conv.in_channels, size, size) for conv in convs}
    expected = {conv: conv(images[conv]) for conv in convs}
    for _ in range(2):  # once is enough, and twice no harm
        stride_before_convolutions(nn.ModuleList(convs))
        assert [conv.stride for conv in convs] == [(1, 1), (1, 1), (2, 2), (2, 2)]
        for conv in convs:
            torch.testing.assert_close(conv(images[conv]), expected[conv])
    assert all(len(conv._forward_pre_hooks) == (conv is convs[0]) for conv in convs)


def test_our_networks():
    model = MODELS.build(small.config())
    strided = {name for name, m in model.named_modules() if isinstance(m, nn.Conv2d) and m._forward_pre_hooks}
    assert 'backbone.layer2.0.downsample.0' in strided and any('auxiliary_neck' in name for name in strided)
    assert model.state_dict().keys() == MODELS.build(small.config(channels_last=False)).state_dict().keys()


def test_histories_of_logged_values_are_bounded():
    history = HistoryBuffer([0.0] * 9_999, [1] * 9_999)
    for number in range(3):
        history.update(float(number))
    assert len(history.data[0]) == 10_000 and history.current() == 2
