"""The gate that all weights pass."""

import damage
import pytest
import torch

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
