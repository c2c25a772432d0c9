"""Mixed precision: which wrapper --amp picks, and that the one for a CPU trains in bfloat16."""
import copy

import pytest
import small
import torch
from mmengine.config import Config

from mmhssakd.engine.cpu import use_amp
from mmhssakd.registry import MODELS, OPTIM_WRAPPERS


@pytest.mark.parametrize('bf16, given, dtype', [
    (True, {}, 'bfloat16'), (False, {}, None), (True, dict(dtype='float16'), 'float16')])
def test_amp_on_a_gpu(bf16, given, dtype, monkeypatch):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: True)
    monkeypatch.setattr(torch.cuda, 'is_bf16_supported', lambda including_emulation: bf16)
    cfg = Config(dict(optim_wrapper=dict(given, type='OptimWrapper')))
    use_amp(cfg)
    assert cfg.optim_wrapper.type == 'AmpOptimWrapper' and cfg.optim_wrapper.loss_scale == 'dynamic'
    assert cfg.optim_wrapper.get('dtype') == dtype


def test_amp_on_a_cpu_trains_in_bfloat16():
    plain = MODELS.build(small.config()).train()
    half, logs, dtypes = copy.deepcopy(plain), [], []
    half.head.fc.register_forward_hook(lambda module, inputs, output: dtypes.append(output.dtype))
    cfg = Config(dict(optim_wrapper=dict(type='OptimWrapper')))
    use_amp(cfg)
    data = dict(inputs=torch.randint(0, 256, (4, 3, 16, 16)).float(), data_samples=small.samples([0, 1, 2, 3]))
    before = half.head.fc.weight.detach().clone()
    for model, type_ in ((plain, 'OptimWrapper'), (half, cfg.optim_wrapper.type)):
        wrapper = OPTIM_WRAPPERS.build(dict(type=type_, optimizer=torch.optim.SGD(model.parameters(), lr=0.1)))
        logs.append(model.train_step(copy.deepcopy(data), wrapper))
    assert dtypes == [torch.bfloat16]
    assert logs[1]['loss'].item() == pytest.approx(logs[0]['loss'].item(), rel=0.05)
    assert half.head.fc.weight.dtype == torch.float32 and not torch.equal(half.head.fc.weight, before)
