"""The command itself, on files."""
import subprocess
import sys
from pathlib import Path

import golden
import import_hsakd
import pytest
import torch

from mmhssakd.registry import MODELS

TOOL = Path(__file__).parents[2] / 'tools' / 'model_converters' / 'import_hsakd.py'


def run(*args) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, str(TOOL), *map(str, args)], capture_output=True, text=True)


def test_checkpoint_becomes_ours(tmp_path):
    weights = golden.released_weights(golden.keys('resnet8x4_aux'))
    torch.save(dict(net=weights, acc=0.7, epoch=3), tmp_path / 'src.pth.tar')
    result = run(tmp_path / 'src.pth.tar', tmp_path / 'dst.pth')
    assert result.returncode == 0, result.stderr
    assert 'Recognised mmhssakd.CIFARResNet(depth=8, stem_channels=32, base_channels=64), 10 classes' in result.stdout
    assert f'model.teacher.checkpoint={tmp_path / "dst.pth"}' in result.stdout
    checkpoint = torch.load(tmp_path / 'dst.pth', weights_only=True)
    assert checkpoint['state_dict']['head.fc.weight'].dtype == torch.float64
    assert torch.equal(checkpoint['state_dict']['head.fc.weight'], weights['backbone.fc.weight'])
    MODELS.build(checkpoint['meta']['model']).load_state_dict(checkpoint['state_dict'])
    assert sorted(file.name for file in tmp_path.iterdir()) == ['dst.pth', 'src.pth.tar']


@pytest.mark.parametrize('content, message', [
    (None, 'no such checkpoint'),
    ('no checkpoint', 'can be loaded safely'),
    (dict(net=dict(a=1)), 'holds no state dict'),
    ({'backbone.fc.weight': torch.zeros(10, 4)}, "none of the released code's"),
])
def test_refusals(content, message, tmp_path, monkeypatch):
    if isinstance(content, str):
        (tmp_path / 'src.pth').write_text(content)
    elif content is not None:
        torch.save(content, tmp_path / 'src.pth')
    monkeypatch.setattr('sys.argv', ['import_hsakd.py', str(tmp_path / 'src.pth'), str(tmp_path / 'dst.pth')])
    with pytest.raises(SystemExit, match=message):
        import_hsakd.main()
    assert not (tmp_path / 'dst.pth').exists()
