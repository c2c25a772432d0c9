import pytest
import small
import torch
from processes import call

from mmhssakd.registry import MODELS

TOOL = 'model_converters/export_peer.py'


@pytest.fixture
def online(tmp_path):
    model = MODELS.build(dict(type='OnlineHSSAKD', peers=[small.config(), small.config()]))
    torch.save(dict(state_dict=model.state_dict()), tmp_path / 'online.pth')
    return model


@pytest.mark.parametrize('peer', [0, 1])
def test_peer_is_an_ordinary_classifier(online, peer, tmp_path):
    call(TOOL, tmp_path / 'online.pth', tmp_path / 'peer.pth', '--peer', peer)
    plain = MODELS.build(
        dict(type='ImageClassifier', backbone=small.R8, neck=dict(type='GlobalAveragePooling'), head=small.HEAD)
    )
    plain.load_state_dict(torch.load(tmp_path / 'peer.pth', weights_only=True)['state_dict'])
    images = torch.randn(2, 3, 16, 16)
    torch.testing.assert_close(plain.eval()(images), online.peers[peer].eval()(images))


def test_peer_becomes_a_teacher(online, tmp_path):
    call(TOOL, tmp_path / 'online.pth', tmp_path / 'peer.pth', '--keep-branches')
    teacher = dict(config=small.config(), checkpoint=str(tmp_path / 'peer.pth'))
    MODELS.build(small.config(type='HSSAKD', teacher=teacher))


def test_no_such_peer(online, tmp_path):
    with pytest.raises(SystemExit, match=r'no peer 2; it has \[0, 1\]'):
        call(TOOL, tmp_path / 'online.pth', tmp_path / 'peer.pth', '--peer', 2)
    torch.save(online.peers[0].state_dict(), tmp_path / 'plain.pth')
    with pytest.raises(SystemExit, match='no OnlineHSSAKD checkpoint'):
        call(TOOL, tmp_path / 'plain.pth', tmp_path / 'peer.pth')
