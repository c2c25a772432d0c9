"""The gate that all weights pass."""

import json
import struct

import damage
import pytest
import torch
from safetensors.torch import save_file

from mmhssakd.weights import check_fit, load_weights, read_state_dict


@pytest.fixture
def model():
    return torch.nn.Linear(2, 3)


def save(content, tmp_path) -> str:
    torch.save(content, tmp_path / 'file.pth')
    return str(tmp_path / 'file.pth')


@pytest.mark.parametrize('content', [lambda s: s, lambda s: dict(net=s, epoch=3)], ids=['bare', 'below a key'])
def test_names_lose_what_a_wrapper_put_before_them(content, model, tmp_path):
    wrapped = {f'module.{name}': value for name, value in model.state_dict().items()}
    file = save(content(wrapped), tmp_path)
    assert set(read_state_dict(file, key='net')) == {'weight', 'bias'}
    assert set(read_state_dict(file, key='net', wrapper='')) == set(wrapped)


def test_branches_are_ignored_by_a_model_that_has_none(model, tmp_path):
    tensors = {'weight': torch.ones(3, 2), 'bias': torch.zeros(3), 'auxiliary_neck.fc': torch.ones(1)}
    file = save(dict(state_dict=tensors, meta=dict(epoch=3)), tmp_path)
    assert load_weights(model, file) == dict(epoch=3)
    assert torch.equal(model.weight, torch.ones(3, 2))
    model.auxiliary_neck = None
    with pytest.raises(ValueError, match='(?s)does not fit Linear.*1 unexpected: auxiliary_neck.fc'):
        load_weights(model, file)


def test_a_difference_leaves_the_model_alone(model, tmp_path):
    before = model.weight.clone()
    with pytest.raises(ValueError, match=r'(?s)1 missing: bias\n1 reshaped: weight \(2, 2\) instead of \(3, 2\)'):
        load_weights(model, save(dict(weight=torch.ones(2, 2)), tmp_path))
    assert torch.equal(model.weight, before)


@pytest.mark.parametrize('dtype', [torch.float8_e4m3fn, torch.int8, torch.int64, torch.bool, torch.complex64])
def test_quantized_weights_are_refused(dtype, model, tmp_path):
    file = str(tmp_path / 'file.safetensors')
    save_file(dict(weight=torch.ones(3, 2).to(dtype), bias=torch.ones(3, dtype=torch.float16)), file)
    with pytest.raises(ValueError, match=rf'(?s)does not fit.*1 retyped: weight {dtype} instead of torch.float32$'):
        load_weights(model, file)


def test_values_that_are_not_finite_are_refused(model, tmp_path):
    bad = dict(weight=torch.tensor([[1.0, 2], [torch.nan, 4], [torch.inf, 6]]), bias=torch.ones(3))
    with pytest.raises(ValueError, match='1 infinite: weight with 2 values that are NaN or infinite$'):
        load_weights(model, save(bad, tmp_path))


@pytest.mark.parametrize('length', [2**63, 2**64 - 1, 0, None])
@pytest.mark.parametrize('more', [{}, {'x': {'y': 1}}, [1]], ids=str)
def test_headers_of_safetensors(length, more, model, tmp_path):
    tensors = {'weight': dict(dtype='F32', shape=[3, 2], data_offsets=[0, 24])}
    tensors['bias'] = dict(dtype='F32', shape=[3], data_offsets=[24, 36])
    header = json.dumps({'__metadata__': more or {'x': "__import__('os').abort()"}, **tensors}).encode()
    length = len(header) if length is None else length
    (tmp_path / 'file.safetensors').write_bytes(struct.pack('<Q', length) + header + bytes(36))
    if length == len(header) and not more:
        assert load_weights(model, str(tmp_path / 'file.safetensors')) == {} and not model.weight.any()
    else:
        with pytest.raises(ValueError, match='is no checkpoint, is damaged, or'):
            load_weights(model, str(tmp_path / 'file.safetensors'))


def test_tensors_that_share_memory_or_are_not_contiguous(model, tmp_path):
    shared = torch.arange(12.0)
    file = save(dict(weight=shared[:6].reshape(2, 3).t(), bias=shared[3:9:2]), tmp_path)
    load_weights(model, file)
    assert torch.equal(model.weight, shared[:6].reshape(2, 3).t()) and model.bias.tolist() == [3, 5, 7]


def test_long_lists_are_cut():
    tensors = {f'w{i}': torch.zeros(1) for i in range(25)}
    with pytest.raises(ValueError, match='^no.\n25 missing: w0.*, w19, ...$'):
        check_fit(tensors, {}, 'no.')
    with pytest.raises(ValueError, match='w24$'):
        check_fit(tensors, {}, 'no.', limit=None)
    check_fit(tensors, tensors, 'no.')


def test_damaged_copies_are_refused(tmp_path):
    """A checkpoint has checksums; tests/slow/fuzz_checkpoints.py reads many more copies."""
    outcomes = damage.fuzz(tmp_path / 'file.pth', copies=300)
    assert set(outcomes) == {'refused', 'same'}
    assert outcomes['refused'] > 200


@pytest.mark.parametrize('suffix', ['.pkl', '.safetensors'])
def test_damage_without_checksums_has_one_message(suffix, tmp_path):
    assert set(damage.fuzz(tmp_path / f'file{suffix}', copies=60)) <= {'refused', 'same', 'other'}
    assert set(damage.fuzz(tmp_path / f'file{suffix}', copies=40, kinds=[damage.cut])) == {'refused'}


def test_a_part_that_claims_to_be_a_folder_is_refused(tmp_path):
    """torch would return memory that nothing was written to, and zipfile compares no checksum of the claim."""
    damage.make(tmp_path / 'file.pth')
    data = bytearray((tmp_path / 'file.pth').read_bytes())
    data[data.index(b'PK\1\2') + 38] ^= 0x10
    (tmp_path / 'file.pth').write_bytes(data)
    with pytest.raises(ValueError, match='the entry of file/data.pkl was changed'):
        read_state_dict(str(tmp_path / 'file.pth'))
