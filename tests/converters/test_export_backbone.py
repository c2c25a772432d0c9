import pytest
import timm
import torch
import torchvision
from detection_data import save_classifier
from mmpretrain.models import ResNet
from mmpretrain.models.backbones import TIMMBackbone
from processes import call
from safetensors.torch import load_file
from small import R8

from mmhssakd.converters.export import export_backbone
from mmhssakd.registry import MODELS


@pytest.fixture
def export():
    """Call the tool; returns its exit status, 0 when it ran through."""

    def run(checkpoint, out, fmt):
        try:
            call('model_converters/export_backbone.py', checkpoint, out, '--format', fmt)
        except SystemExit as end:
            return end.code
        return 0

    return run


def features(network, images):
    network.eval()
    with torch.no_grad():
        return network(images)


@pytest.fixture(scope='module')
def r18(tmp_path_factory):
    """Checkpoint of a ResNet-18 with statistics, some images, and its features."""
    file = tmp_path_factory.mktemp('r18') / 'r18.pth'
    state = save_classifier(file, dict(type='mmpretrain.ResNet', depth=18), 512)
    backbone = ResNet(18)
    backbone.load_state_dict(state)
    images = torch.randn(2, 3, 64, 64)
    return file, images, features(backbone, images)[0]


@pytest.mark.parametrize('suffix', ['.safetensors', '.pth'])
@pytest.mark.parametrize('fmt', ['mmpretrain', 'torchvision', 'timm'])
def test_features_in_the_library(export, r18, tmp_path, fmt, suffix):
    checkpoint, images, expected = r18
    out = tmp_path / f'out{suffix}'
    assert export(checkpoint, out, fmt) == 0
    tensors = load_file(out) if suffix == '.safetensors' else torch.load(out, weights_only=True)
    if fmt == 'mmpretrain':
        network = ResNet(18, init_cfg=dict(type='Pretrained', checkpoint=str(out), prefix='backbone.'))
        if suffix == '.pth':
            network.init_weights()
        else:
            network.load_state_dict({name.removeprefix('backbone.'): value for name, value in tensors.items()})
        found = features(network, images)[0]
    elif fmt == 'timm':
        network = timm.create_model('resnet18', num_classes=0, global_pool='')
        network.load_state_dict(tensors)
        found = features(network, images)
    else:
        network = torchvision.models.resnet18()
        lacks = network.load_state_dict(tensors, strict=False)
        assert lacks.missing_keys == ['fc.weight', 'fc.bias'] and not lacks.unexpected_keys
        found = features(torch.nn.Sequential(*list(network.children())[:-2]), images)
    assert torch.allclose(found, expected, atol=1e-6, rtol=1e-6)


def test_a_suffix_is_added(export, r18, tmp_path):
    assert export(r18[0], tmp_path / 'out', 'timm') == 0
    assert (tmp_path / 'out.safetensors').is_file()


def test_bottlenecks_and_a_timm_backbone():
    tensors = {f'backbone.{name}': value for name, value in ResNet(50).state_dict().items()}
    timm.create_model('resnet50', num_classes=0).load_state_dict(export_backbone(tensors, 'timm'))
    wrapped = TIMMBackbone('mobilenetv3_small_050')
    tensors = {f'backbone.{name}': value for name, value in wrapped.state_dict().items()}
    timm.create_model('mobilenetv3_small_050', num_classes=0, global_pool='').load_state_dict(
        export_backbone(tensors, 'timm')
    )


@pytest.mark.parametrize('fmt', ['torchvision', 'timm'])
def test_networks_that_the_library_lacks(fmt):
    small = MODELS.build(R8)
    with pytest.raises(ValueError, match=f'{fmt} has no network of this kind.*--format mmpretrain'):
        export_backbone({f'backbone.{name}': value for name, value in small.state_dict().items()}, fmt)
    deep = ResNet(18, deep_stem=True)
    with pytest.raises(ValueError, match='nearest is resnet18.*\n.*missing: conv1.weight'):
        export_backbone({f'backbone.{name}': value for name, value in deep.state_dict().items()}, fmt)


def test_user_mistakes(export, r18, tmp_path, capsys):
    torch.save(dict(state_dict={'student.conv1.weight': torch.zeros(1)}), tmp_path / 'other.pth')
    for checkpoint, out, message in (
        (tmp_path / 'other.pth', 'out', "no tensor that begins with 'backbone.'. Its names begin with: student."),
        (tmp_path / 'none.pth', 'out', 'CKPT: no such checkpoint'),
        (r18[0], 'out.onnx', 'OUT must end in .safetensors or .pth'),
    ):
        assert export(checkpoint, tmp_path / out, 'timm') != 0
        assert message in capsys.readouterr().err
    assert not list(tmp_path.glob('out*'))


@pytest.mark.parametrize('depth', [34, 50])
def test_the_line_that_loads_names_the_network(depth, export, tmp_path, capsys):
    """It is run as it was printed."""
    torch.save(
        dict(state_dict={f'backbone.{name}': value for name, value in ResNet(depth).state_dict().items()}),
        tmp_path / 'net.pth',
    )
    assert export(tmp_path / 'net.pth', tmp_path / 'net.safetensors', 'timm') == 0
    line = capsys.readouterr().out.strip().splitlines()[-1]
    assert f'resnet{depth}' in line
    exec(line, dict(timm=timm, tensors=load_file(tmp_path / 'net.safetensors')))
