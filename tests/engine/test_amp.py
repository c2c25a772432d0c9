"""Mixed precision: what --amp picks, and that it trains in bfloat16 on a CPU."""

import copy

import pytest
import small
import torch
from mmengine.config import Config

from mmhssakd.engine.launch.amp import use_amp
from mmhssakd.engine.optimizers.bf16_optim_wrapper import ProductsInFloat32
from mmhssakd.registry import MODELS, OPTIM_WRAPPERS

BF16 = dict(type='mmhssakd.BF16OptimWrapper')
FP16 = dict(type='AmpOptimWrapper', dtype='float16', loss_scale='dynamic')


@pytest.mark.parametrize(
    'bf16, scope, given, expected',
    [
        (True, 'mmpretrain', {}, BF16),
        (True, 'mmpretrain', dict(dtype='bfloat16', loss_scale='dynamic'), BF16),
        (True, 'mmpretrain', dict(dtype='float16'), FP16),
        (False, 'mmpretrain', {}, FP16),
        (True, 'mmdet', {}, FP16),
        (False, 'mmpretrain', dict(loss_scale=512.0), dict(FP16, loss_scale=512.0)),
    ],
)
def test_amp_on_a_gpu(bf16, scope, given, expected, monkeypatch):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: True)
    monkeypatch.setattr(torch.cuda, 'is_bf16_supported', lambda including_emulation: bf16)
    cfg = Config(dict(default_scope=scope, optim_wrapper=dict(given, type='OptimWrapper')))
    use_amp(cfg)
    assert dict(cfg.optim_wrapper) == expected


def test_float16_and_fsdp_share_the_scaler(monkeypatch):
    """Else each process would look for overflow in its own shards alone."""
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: True)
    monkeypatch.setattr(torch.cuda, 'is_bf16_supported', lambda including_emulation: True)
    cfg = Config(dict(optim_wrapper=dict(type='OptimWrapper', dtype='float16'), strategy=dict(type='FSDPStrategy')))
    use_amp(cfg)
    assert cfg.optim_wrapper.use_fsdp


@pytest.mark.parametrize('given', [dict(loss_scale='dynamic', use_fsdp=True), dict(dtype='bfloat16')])
def test_amp_on_a_cpu_leaves_out_what_is_for_float16(given, monkeypatch):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    cfg = Config(dict(optim_wrapper=dict(given, type='OptimWrapper')))
    use_amp(cfg)
    assert dict(cfg.optim_wrapper) == BF16


def test_float16_needs_a_gpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    with pytest.raises(ValueError, match='optim_wrapper.dtype=float16: on a CPU, --amp is bfloat16'):
        use_amp(Config(dict(optim_wrapper=dict(type='OptimWrapper', dtype='float16'))))


def test_amp_of_a_detector_needs_a_gpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    with pytest.raises(ValueError, match='GPU only.*mmcv.*Leave it out'):
        use_amp(Config(dict(default_scope='mmdet', optim_wrapper=dict(type='OptimWrapper'))))


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


@pytest.mark.parametrize(
    'layer, shape',
    [
        (torch.nn.Conv2d(8, 6, 3, stride=2, padding=1, groups=2), (2, 8, 9, 9)),
        (torch.nn.Linear(8, 6), (5, 8)),
        (torch.nn.Linear(8, 6, bias=False), (3, 5, 8)),
    ],
)
def test_products_in_float32_are_those_of_bfloat16(layer, shape):
    """Values and gradients are what torch's own bfloat16 kernels give, but for the last bit."""
    layer, x = layer.bfloat16(), torch.randn(shape).bfloat16().requires_grad_()
    weights = [x, *layer.parameters()]
    own = layer(x)
    own_gradients = torch.autograd.grad(own.float().square().sum(), weights)
    with ProductsInFloat32():
        ours = layer(x)
        gradients = torch.autograd.grad(ours.float().square().sum(), weights)
    for value, expected in zip((ours, *gradients), (own, *own_gradients)):
        assert value.dtype == expected.dtype == torch.bfloat16
        torch.testing.assert_close(value, expected, rtol=2**-7, atol=2**-7 * expected.abs().max().item())


def test_options_of_a_product_are_kept():
    a, b, c = (torch.randn(4, 4).bfloat16() for _ in range(3))
    with ProductsInFloat32():
        ours = torch.addmm(c, a, b, alpha=0.5, beta=2)
    torch.testing.assert_close(ours, torch.addmm(c, a, b, alpha=0.5, beta=2), rtol=2**-7, atol=2**-7)


@pytest.mark.parametrize('native', [False, True])
def test_products_in_float32_only_where_bfloat16_is_slow(native, monkeypatch):
    """Forward and backward pass run under the mode, or neither does."""
    monkeypatch.setattr('mmhssakd.engine.optimizers.bf16_optim_wrapper.has_bfloat16', lambda: native)
    calls, plain = [], ProductsInFloat32.__torch_dispatch__

    def spy(self, func, *args, **kwargs):
        calls.append(func)
        return plain(self, func, *args, **kwargs)

    monkeypatch.setattr(ProductsInFloat32, '__torch_dispatch__', spy)
    model = torch.nn.Conv2d(3, 4, 3)
    wrapper = OPTIM_WRAPPERS.build(
        dict(type='mmhssakd.BF16OptimWrapper', optimizer=torch.optim.SGD(model.parameters(), lr=0.1))
    )
    with wrapper.optim_context(model):
        loss = model(torch.randn(2, 3, 8, 8)).float().square().sum()
    wrapper.update_params(loss)
    convolutions = {torch.ops.aten.convolution.default, torch.ops.aten.convolution_backward.default}
    assert convolutions & set(calls) == (set() if native else convolutions)
