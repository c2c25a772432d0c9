"""The stand-ins for mmcv's operators answer as compiled mmcv does.

Values of compiled mmcv come from tests/data/operators; where it is installed, they are also compared live. What mmcv
has for CUDA alone is compared with loops written from its kernels. Tests that take a device run on CUDA where there is
one; none was there so far: on CUDA the stand-ins are unverified.
"""

import importlib
import itertools
import math
import sys
import warnings
from pathlib import Path

import mmcv
import numpy as np
import operator_cases
import pytest
import tiny_detector
import torch
from mmcv import ops
from mmcv.ops.multi_scale_deform_attn import MultiScaleDeformableAttnFunction
from operator_cases import REGIONS, arrays, random

from mmhssakd.__main__ import main
from mmhssakd.compat import operators

DATA = Path(__file__).parents[1] / 'data/operators'
COMPILED = operators.in_use() == 'compiled (mmcv)'
TOLERANCE = {'float32': 1e-6, 'float64': 1e-12}  # of the largest number in an array
CASES = operator_cases.cases()
LIVE = {**CASES, **operator_cases.ties()}
DEVICES = ['cpu', *(['cuda'] if torch.cuda.is_available() else [])]


def stand_ins() -> operators.StandIns:
    module = operators.StandIns()
    vars(module).update(operators.STAND_INS)
    return module


@pytest.fixture(autouse=True)
def on_stand_ins():
    with operator_cases.operators(stand_ins()):
        yield


def assert_equal(found: dict, wanted: dict, word: str) -> None:
    assert found.keys() == wanted.keys()
    for key, value in wanted.items():
        assert found[key].dtype == value.dtype and found[key].shape == value.shape, key
        if value.dtype.kind == 'i':
            np.testing.assert_array_equal(found[key], value, key)
        elif value.size:
            assert np.abs(found[key] - value).max() <= TOLERANCE[word] * np.abs(value).max(), key


@pytest.fixture(scope='module')
def recorded():
    found = {}
    with np.load(DATA / 'values.npz') as file:
        for name in file.files:
            case, key = name.split('/')
            found.setdefault(case, {})[key] = file[name]
    return found


@pytest.mark.parametrize('case', CASES)
def test_recorded_values(case, recorded):
    assert_equal(arrays(CASES[case]()), recorded.get(case, {}), case.split()[-1])


def test_every_record_is_compared(recorded):
    assert set(recorded) <= set(CASES) and len(recorded) > 0.9 * len(CASES)  # some answers are empty lists


@pytest.mark.parametrize('case', LIVE if COMPILED else [])  # elsewhere the recorded values stand for it
def test_live_values(case):
    with operator_cases.operators(sys.modules['mmcv._ext']):
        wanted = arrays(LIVE[case]())
    assert_equal(arrays(LIVE[case]()), wanted, case.split()[-1])


@pytest.fixture
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def test_two_training_steps_of_a_detector(one_thread):
    """The same bits on the kind of machine that recorded them; elsewhere torch's own layers round differently."""
    found = tiny_detector.train()
    with np.load(DATA / 'two_steps.npz') as file:
        assert {f'weights/{name}' for name in found} == set(file.files)
        for name, value in found.items():
            torch.testing.assert_close(value, torch.from_numpy(file[f'weights/{name}']), rtol=1e-6, atol=1e-6)


@pytest.mark.skipif(not COMPILED, reason='mmcv is not compiled here: the recorded weights stand for it')
def test_two_live_training_steps(one_thread):
    """The same bits."""
    found = tiny_detector.train()
    with operator_cases.operators(sys.modules['mmcv._ext']):
        wanted = tiny_detector.train()
    assert all(torch.equal(found[name], value) for name, value in wanted.items())


# What mmcv has for CUDA alone, as loops after mmcv/ops/csrc/common/cuda.


def roi_pool_loops(image, rois, size, scale):
    """roi_pool_cuda_kernel.cuh"""
    output = torch.zeros(len(rois), image.shape[1], *size, dtype=image.dtype)
    grads = torch.zeros_like(image)
    for k, c, ph, pw in np.ndindex(*output.shape):
        number, x1, y1, x2, y2 = rois[k].tolist()
        x1, y1, x2, y2 = x1 * scale, y1 * scale, (x2 + 1) * scale, (y2 + 1) * scale
        if x2 <= x1 or y2 <= y1:
            grads[int(number), c, 0, 0] += 1
            continue
        w, h = (x2 - x1) / size[1], (y2 - y1) / size[0]
        columns = range(max(math.floor(pw * w + x1), 0), min(math.ceil((pw + 1) * w + x1), image.shape[3]))
        rows = range(max(math.floor(ph * h + y1), 0), min(math.ceil((ph + 1) * h + y1), image.shape[2]))
        best = None
        for place in itertools.product(rows, columns):
            if best is None or image[(int(number), c, *place)] > image[(int(number), c, *best)]:
                best = place
        if best is not None:
            output[k, c, ph, pw] = image[(int(number), c, *best)]
            grads[(int(number), c, *best)] += 1
    return output, grads


MALFORMED = torch.tensor([[1.0, 20, 20, 10, 30]])


@pytest.mark.parametrize('device', DEVICES)
@pytest.mark.parametrize('regions', [*REGIONS, 'malformed'])
@pytest.mark.parametrize('ties', [False, True])
def test_roi_pool(regions, ties, device):
    """Its edges are not rounded, as torchvision's are; of equal pixels the first one counts."""
    image = random(5, 2, 2, 9, 7)
    image = (image.round() if ties else image).to(device).requires_grad_()
    rois = REGIONS.get(regions, MALFORMED).double()
    output = ops.roi_pool(image, rois.to(device), (3, 2), 0.25)
    output.sum().backward()
    wanted, grads = roi_pool_loops(image.detach().cpu(), rois, (3, 2), 0.25)
    assert torch.equal(output.detach().cpu(), wanted) and torch.equal(image.grad.cpu(), grads)


def focal_loops(logits, target, weight, gamma, alpha):
    """sigmoid_focal_loss_cuda_kernel.cuh; without weights for the background, which it would read past their end."""
    output, grads, tiny = torch.zeros_like(logits), torch.zeros_like(logits), np.finfo(np.float32).tiny
    for n, c in np.ndindex(*logits.shape):
        p = 1 / (1 + math.exp(-logits[n, c]))
        log_p, log_n = math.log(max(p, tiny)), math.log(max(1 - p, tiny))
        t = int(target[n])
        if t == c:
            loss, grad = -alpha * (1 - p) ** gamma * log_p, -alpha * (1 - p) ** gamma * (1 - p - gamma * p * log_p)
        else:
            loss = -(1 - alpha) * p**gamma * log_n
            grad = -(1 - alpha) * p**gamma * (gamma * (1 - p) * log_n - p)
        factor = 1 if weight is None or t == logits.shape[1] else float(weight[t])
        output[n, c], grads[n, c] = factor * loss, factor * grad
    return output, grads


@pytest.mark.parametrize('device', DEVICES)
@pytest.mark.parametrize('gamma, alpha', [(2.0, 0.25), (1.5, 0.6)])
@pytest.mark.parametrize('weighted', [False, True])
@pytest.mark.parametrize('count', [0, 7])
def test_focal_loss(gamma, alpha, weighted, count, device):
    logits = 5 * random(6, count, 3)
    logits[:1] = torch.tensor([-90.0, 90, 300])  # where the logarithms are clipped
    target = torch.from_numpy(np.random.RandomState(7).randint(0, 4, count))  # 3 is the background
    weight = torch.tensor([0.5, 1, 3], dtype=torch.float64) if weighted else None
    wanted, grads = focal_loops(logits, target, weight, gamma, alpha)
    given = logits.to(device).requires_grad_()
    weight = None if weight is None else weight.to(device)
    loss = ops.sigmoid_focal_loss(given, target.to(device), gamma, alpha, weight, 'none')
    loss.sum().backward()
    torch.testing.assert_close(loss.detach().cpu(), wanted, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(given.grad.cpu(), grads, rtol=1e-12, atol=1e-12)


def attention_loops(value, shapes, locations, weights):
    """ms_deform_attn_cuda_kernel.cuh"""
    images, _, heads, channels = value.shape
    output = torch.zeros(images, locations.shape[1], heads, channels, dtype=value.dtype)
    starts = [0, *itertools.accumulate(h * w for h, w in shapes)]
    for b, q, m, level, p in np.ndindex(*locations.shape[:5]):
        height, width = shapes[level]
        x, y = (float(z) * side - 0.5 for z, side in zip(locations[b, q, m, level, p], (width, height)))
        for row, column in itertools.product((math.floor(y), math.floor(y) + 1), (math.floor(x), math.floor(x) + 1)):
            if 0 <= row < height and 0 <= column < width:
                share = (1 - abs(y - row)) * (1 - abs(x - column))
                pixel = value[b, starts[level] + row * width + column, m]
                output[b, q, m] += weights[b, q, m, level, p] * share * pixel
    return output.flatten(2)


@pytest.mark.parametrize('device', DEVICES)
def test_deformable_attention(device):
    shapes = [(4, 3), (2, 2)]
    value = random(1, 2, 16, 2, 3)
    locations = random(2, 2, 3, 2, 2, 2, 2) * 0.5 + 0.5  # some outside
    weights = random(3, 2, 3, 2, 2, 2)
    sizes, starts = torch.tensor(shapes, device=device), torch.tensor([0, 12], device=device)
    inputs = [tensor.to(device).requires_grad_() for tensor in (value, locations, weights)]

    def attend(value, locations, weights):
        return MultiScaleDeformableAttnFunction.apply(value, sizes, starts, locations, weights, 64)

    wanted = attention_loops(value, shapes, locations, weights)
    torch.testing.assert_close(attend(*inputs).detach().cpu(), wanted, rtol=1e-12, atol=1e-12)
    assert torch.autograd.gradcheck(attend, inputs)


# Low precision. Compiled mmcv has no bfloat16: its RoIAlign raises on a CPU and on CUDA.


@pytest.mark.parametrize('device', DEVICES)
@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
@pytest.mark.parametrize('autocast', [False, True])
def test_low_precision(dtype, autocast, device):
    """Results have the type of the input, and are those of float32, rounded."""
    image = random(5, 2, 4, 9, 7).to(device, dtype)
    rois = REGIONS['one image'].to(device, dtype)
    offset, mask = random(2, 2, 18, 9, 7).to(image), random(3, 2, 9, 9, 7).to(image)
    kernel, target = random(4, 4, 4, 3, 3).to(image), torch.tensor([0, 1, 3], device=device)
    calls = {
        'roi_align': lambda to: with_grad(lambda x: ops.roi_align(x, to(rois), (3, 2), 0.25, 2), to(image)),
        'roi_pool': lambda to: with_grad(lambda x: ops.roi_pool(x, to(rois), (3, 2), 0.25), to(image)),
        'focal_loss': lambda to: with_grad(
            lambda x: ops.sigmoid_focal_loss(x, target, 2.0, 0.25, None, 'none'), to(image)[0, 0, :3, :3].contiguous()
        ),
        'deform_conv': lambda to: with_grad(lambda x: ops.deform_conv2d(x, to(offset), to(kernel), 1, 1), to(image)),
        'modulated_deform_conv': lambda to: with_grad(
            lambda x: ops.modulated_deform_conv2d(x, to(offset), to(mask), to(kernel), None, 1, 1), to(image)
        ),
    }
    for name, call in calls.items():
        with torch.autocast(device, dtype, enabled=autocast):
            found = call(lambda tensor: tensor)
        for value, wanted in zip(found, call(lambda tensor: tensor.float())):
            assert value.dtype == dtype
            if name != 'roi_pool' or value is found[0]:  # pixels that rounding made equal
                torch.testing.assert_close(value.float(), wanted.to(dtype).float(), rtol=0.02, atol=0.02, msg=name)


def with_grad(function, tensor):
    tensor = tensor.clone().requires_grad_()
    output = function(tensor)
    return output, torch.autograd.grad(output, tensor, torch.ones_like(output))[0]


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_suppression_in_low_precision(dtype):
    boxes, scores = operator_cases.boxes(20, whole=True), operator_cases.scores(20).to(dtype)
    assert torch.equal(ops.nms(boxes.to(dtype), scores, 0.5)[1], ops.nms(boxes, scores.float(), 0.5)[1])


# Detectors.


@pytest.mark.parametrize('name', tiny_detector.DETECTORS, ids=lambda name: Path(name).parent.name)
def test_detector_trains_and_tests(name):
    """One step of mmdet's detector, made tiny, and a prediction."""
    detector = tiny_detector.build(tiny_detector.mmdets(name)).train()
    before = {key: value.clone() for key, value in detector.named_parameters()}
    tiny_detector.step(detector, torch.optim.SGD(detector.parameters(), lr=0.01))
    changed = [key for key, value in detector.named_parameters() if not torch.equal(value, before[key])]
    assert {'backbone', 'neck'} <= {key.split('.')[0] for key in changed} and any('head' in key for key in changed)
    assert all(value.isfinite().all() for value in detector.parameters())
    detector.eval().test_cfg = None
    with torch.no_grad():
        results = detector.test_step(tiny_detector.data())
    for result in results:
        found = result.pred_instances
        assert found.bboxes.shape == (len(found), 4) and found.scores.isfinite().all()


# Names without a stand-in, and which operators are in use.


def test_an_operator_without_a_stand_in_raises_when_called():
    missing = stand_ins().carafe_forward
    with pytest.raises(NotImplementedError, match='carafe_forward: .*no stand-in.*docs/get_started.md.*"Compiled op'):
        missing(1, x=2)


def test_mmcvs_function_names_its_missing_operator(monkeypatch):
    monkeypatch.setattr(sys.modules['mmcv.ops.carafe'], 'ext_module', stand_ins())
    with pytest.raises(NotImplementedError, match='carafe_forward'):
        ops.carafe(torch.ones(1, 4, 4, 4), torch.ones(1, 9, 8, 8), 3, 1, 2)


def test_max_pooling_is_refused_by_its_option():
    image = torch.ones(1, 1, 4, 4)
    with pytest.raises(NotImplementedError, match="roi_align: pool_mode='max' has no stand-in"):
        ops.roi_align(image, torch.tensor([[0.0, 0, 0, 3, 3]]), (2, 2), 1.0, 0, 'max')


@pytest.fixture
def other_extension(monkeypatch, tmp_path):
    """Import mmcv._ext anew, from a file with this content, or from nowhere."""

    def install(content=None):
        monkeypatch.delitem(sys.modules, operators.NAME)
        monkeypatch.setattr(mmcv, '__path__', [str(tmp_path)])
        if content is not None:
            (tmp_path / '_ext.py').write_text(content)
        importlib.invalidate_caches()
        operators.install()
        return operators.in_use()

    return install


def test_without_compiled_operators(other_extension):
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        assert other_extension() == 'stand-ins (torchvision)'


def test_compiled_operators_are_left_alone(other_extension):
    assert other_extension('nms = "compiled"') == 'compiled (mmcv)'
    assert sys.modules[operators.NAME].nms == 'compiled'


@pytest.mark.parametrize('content', ["raise ImportError('undefined symbol: _ZN3c10')", "raise OSError('libtorch.so')"])
def test_operators_built_for_another_torch(content, other_extension):
    with pytest.warns(UserWarning, match=r'do not load.*(_ZN3c10|libtorch.so)\. They were built for another torch'):
        assert other_extension(content) == 'stand-ins (torchvision)'
    boxes = torch.tensor([[0.0, 0, 9, 9], [1, 1, 10, 10]])
    assert sys.modules[operators.NAME].nms(boxes, torch.tensor([0.1, 0.9]), 0.5, 0).tolist() == [1]


def test_an_extension_cut_short(other_extension, tmp_path):
    """A file of the right name that is no library."""
    suffix = importlib.machinery.EXTENSION_SUFFIXES[0]
    (tmp_path / f'_ext{suffix}').write_bytes(b'\x7fELF')
    with pytest.warns(UserWarning, match='do not load'):
        assert other_extension() == 'stand-ins (torchvision)'


def test_the_listing_says_which_are_in_use(monkeypatch, capsys):
    monkeypatch.setattr(sys, 'argv', ['mmhssakd', 'list', 'KDLoss'])
    main()
    assert f"; mmcv's operators: {operators.in_use()}\n" in capsys.readouterr().out


def test_names():
    """mmcv asks for all of its names when it is imported, and for two versions in its report of the environment."""
    module = stand_ins()
    assert hasattr(module, 'carafe_forward') and not hasattr(module, '__wrapped__')
    assert module.get_compiler_version() == module.get_compiling_cuda_version() == 'n/a'
