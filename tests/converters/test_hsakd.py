"""Every network of the released code is recognized and imported, tensor for tensor."""

import golden
import pytest
import torch

from mmhssakd.converters.hsakd import import_hsakd
from mmhssakd.registry import MODELS

NETWORKS = {
    'resnet18_imagenet_aux': dict(type='ResNet', depth=18),
    'resnet34_imagenet_aux': dict(type='ResNet', depth=34),
    'resnet50_imagenet_aux': dict(type='ResNet', depth=50),
    'resnet20_aux': dict(type='mmhssakd.CIFARResNet', depth=20, stem_channels=16, base_channels=16),
    'resnet56_aux': dict(type='mmhssakd.CIFARResNet', depth=56, stem_channels=16, base_channels=16),
    'resnet8x4_aux': dict(type='mmhssakd.CIFARResNet', depth=8, stem_channels=32, base_channels=64),
    'resnet32x4_aux': dict(type='mmhssakd.CIFARResNet', depth=32, stem_channels=32, base_channels=64),
    'ResNet50_aux': dict(type='ResNet_CIFAR', depth=50),
    'wrn_16_2_aux': dict(type='mmhssakd.CIFARWideResNet', depth=16, widen_factor=2),
    'wrn_40_1_aux': dict(type='mmhssakd.CIFARWideResNet', depth=40, widen_factor=1),
    'wrn_40_2_aux': dict(type='mmhssakd.CIFARWideResNet', depth=40, widen_factor=2),
    'vgg13_bn_aux': dict(type='mmhssakd.CIFARVGG', depth=13),
    'mobilenetV2_aux': dict(type='mmhssakd.CIFARMobileNetV2', widen_factor=0.5, expand_ratio=6),
    'ShuffleV1_aux': dict(type='mmhssakd.CIFARShuffleNetV1'),
    'ShuffleV2_aux': dict(type='mmhssakd.CIFARShuffleNetV2', widen_factor=1.0),
}


def empty(name: str) -> dict:
    """The network's tensors, numbered instead of drawn, which is faster."""
    return {key: torch.full(shape, float(i)) for i, (key, shape) in enumerate(golden.keys(name))}


def test_all_networks_are_here():
    assert set(NETWORKS) == {file.stem for file in (golden.FOLDER / 'keys').glob('*.txt')}


@pytest.mark.parametrize('name', NETWORKS)
def test_import(name):
    tensors = empty(name)
    state, model = import_hsakd(tensors)
    assert model['backbone'] == NETWORKS[name]
    assert len(state) == len(tensors)
    assert sorted(int(value.flatten()[0]) for value in state.values()) == list(range(len(tensors)))
    prefixes = {key.split('.')[0] for key in state}
    assert prefixes == {'backbone', 'head', 'auxiliary_neck'}


def test_online_pair():
    tensors = empty('resnet8x4_aux')
    state, model = import_hsakd({f'net{i}.{key}': value for i in (1, 2) for key, value in tensors.items()})
    assert [peer['backbone'] for peer in model['peers']] == [NETWORKS['resnet8x4_aux']] * 2
    assert len(state) == 2 * len(tensors) and {key.split('.')[1] for key in state} == {'0', '1'}


def test_dtype_is_kept():
    state, _ = import_hsakd({key: value.double() for key, value in empty('resnet8x4_aux').items()})
    assert {value.dtype for value in state.values()} == {torch.float64}


def test_unmatched_tensors_are_listed():
    tensors = empty('resnet8x4_aux')
    stray = {f'backbone.extra{i}': torch.zeros(1) for i in range(25)}
    del tensors['backbone.bn1.weight']
    with pytest.raises(
        ValueError,
        match=r'(?s)looks like .*CIFARResNet.*1 missing: backbone.bn1.weight.*25 unexpected'
        r'.*backbone.extra24',
    ):
        import_hsakd({**tensors, **stray})


@pytest.mark.parametrize(
    'tensors, message',
    [
        (dict(a=torch.zeros(1)), 'no checkpoint of the released code.*begins with: a'),
        ({'backbone.fc.weight': torch.zeros(10, 4)}, "none of the released code's"),
    ],
)
def test_unknown_networks(tensors, message):
    with pytest.raises(ValueError, match=message):
        import_hsakd(tensors)


@pytest.mark.parametrize('name', ['mobilenetV2_aux', 'ShuffleV1_aux', 'ShuffleV2_aux'])
def test_networks_train(name):
    _, model = import_hsakd(empty(name))
    model = MODELS.build(model)
    logits, aux_logits = model.forward_views(torch.randn(2, 3, 32, 32))
    assert logits.shape == (2, 10) and {q.shape for q in aux_logits} == {(2, 40)}
    (logits.sum() + sum(q.sum() for q in aux_logits)).backward()
    assert all(p.grad is not None for p in model.parameters())
