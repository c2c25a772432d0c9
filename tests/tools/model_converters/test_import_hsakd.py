"""The command itself, on files."""

import golden
import pytest
import torch
from processes import call

from mmhssakd.registry import MODELS

TOOL = 'model_converters/import_hsakd.py'


def test_checkpoint_becomes_ours(tmp_path, capsys):
    weights = golden.released_weights(golden.keys('resnet8x4_aux'))
    wrapped = {f'module.{name}': value for name, value in weights.items()}  # as DataParallel saves
    torch.save(dict(net=wrapped, acc=0.7, epoch=3), tmp_path / 'src.pth.tar')
    call(TOOL, tmp_path / 'src.pth.tar', tmp_path / 'dst.pth')
    printed = capsys.readouterr().out
    assert 'Recognized mmhssakd.CIFARResNet(depth=8, stem_channels=32, base_channels=64), 10 classes' in printed
    assert f'model.teacher.checkpoint={tmp_path / "dst.pth"}' in printed
    checkpoint = torch.load(tmp_path / 'dst.pth', weights_only=True)
    assert checkpoint['state_dict']['head.fc.weight'].dtype == torch.float64
    assert torch.equal(checkpoint['state_dict']['head.fc.weight'], weights['backbone.fc.weight'])
    MODELS.build(checkpoint['meta']['model']).load_state_dict(checkpoint['state_dict'])
    assert sorted(file.name for file in tmp_path.iterdir()) == ['dst.pth', 'src.pth.tar']


def test_online_pair_becomes_peers(tmp_path, capsys):
    weights = golden.released_weights(golden.keys('resnet8x4_aux'))
    torch.save({f'net{i}.{name}': value for i in (1, 2) for name, value in weights.items()}, tmp_path / 'src.pth')
    call(TOOL, tmp_path / 'src.pth', tmp_path / 'dst.pth')
    assert 'online pair' in capsys.readouterr().out
    checkpoint = torch.load(tmp_path / 'dst.pth', weights_only=True)
    MODELS.build(checkpoint['meta']['model']).load_state_dict(checkpoint['state_dict'])


@pytest.mark.parametrize(
    'content, message',
    [
        (None, 'no such checkpoint'),
        (dict(net=dict(a=1)), 'holds no state dict'),
        ({'backbone.fc.weight': torch.zeros(10, 4)}, "none of the released code's"),
    ],
)
def test_refusals(content, message, tmp_path):
    if content is not None:
        torch.save(content, tmp_path / 'src.pth')
    with pytest.raises(SystemExit, match=message):
        call(TOOL, tmp_path / 'src.pth', tmp_path / 'dst.pth')
    assert not (tmp_path / 'dst.pth').exists()


def test_text_file(tmp_path):
    (tmp_path / 'src.pth').write_text('no checkpoint')
    with pytest.raises(SystemExit, match='src.pth is no checkpoint, is damaged'):
        call(TOOL, tmp_path / 'src.pth', tmp_path / 'dst.pth')


def test_missing_folder(tmp_path):
    torch.save(golden.released_weights(golden.keys('resnet8x4_aux')), tmp_path / 'src.pth')
    with pytest.raises(SystemExit, match='no such folder to write to'):
        call(TOOL, tmp_path / 'src.pth', tmp_path / 'none' / 'dst.pth')
