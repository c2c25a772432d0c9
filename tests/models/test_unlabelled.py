"""Images without a label count in what a student mimics, and in no term that needs a label."""

import os
import subprocess
import sys

import pytest
import small
import torch
from mmpretrain.structures import DataSample
from processes import ROOT

from mmhssakd.registry import MODELS

LABELS = [3, 1, 7, 1]
IMAGES = torch.randn(4, 3, 16, 16, generator=torch.Generator().manual_seed(0))


def samples(labels) -> list:
    return [DataSample() if label is None else DataSample().set_gt_label(label) for label in labels]


def distiller(kind: str, tmp_path, **kwargs) -> torch.nn.Module:
    """Networks in eval mode, so that an image's logits do not depend on the others."""
    torch.manual_seed(0)
    if kind == 'OnlineHSSAKD':
        model = MODELS.build(dict(type=kind, peers=[small.config(), small.config()], **kwargs))
    elif kind == 'HSSAKD':
        teacher = MODELS.build(small.config())
        torch.save(dict(state_dict=teacher.state_dict()), tmp_path / 'teacher.pth')
        teacher = dict(config=small.config(), checkpoint=str(tmp_path / 'teacher.pth'))
        model = MODELS.build(small.config(type=kind, teacher=teacher, **kwargs))
    else:
        model = MODELS.build(small.config(type=kind, **kwargs))
    return model.double().eval()


def losses(model, labels, images=IMAGES) -> dict:
    model.zero_grad()
    found = model(images.double(), samples(labels), mode='loss')
    model.parse_losses(found)[0].backward()
    return found


@pytest.mark.parametrize('kind', ['HSSAKD', 'SSAClassifier', 'OnlineHSSAKD'])
def test_terms_of_a_batch_that_is_partly_labelled(kind, tmp_path):
    model = distiller(kind, tmp_path)
    whole, part = losses(model, LABELS), losses(model, [3, None, 7, None])
    labelled = losses(model, [3, 7], IMAGES[[0, 2]])
    assert set(whole) == {name for name in part if not name.endswith('labelled')}
    assert part['peer0_labelled' if kind == 'OnlineHSSAKD' else 'labelled'] == 2
    for name in whole:
        source = whole if 'kl_' in name else labelled
        assert part[name].item() == pytest.approx(source[name].item(), rel=1e-12), name
        assert part[name].item() != pytest.approx((labelled if 'kl_' in name else whole)[name].item(), rel=1e-3) or (
            'acc' in name
        )


@pytest.mark.parametrize('kind', ['HSSAKD', 'SSAClassifier', 'OnlineHSSAKD'])
def test_a_batch_without_any_label(kind, tmp_path):
    """What needs labels is 0, with a graph: every parameter that trains has a gradient, as DDP asks."""
    model = distiller(kind, tmp_path)
    found = losses(model, [None] * 4)
    assert found['loss_task'] == 0 and found.get('loss_aux', 0) == 0
    assert all(found[name] > 0 for name in found if name.startswith('loss_kl'))
    assert not [name for name in found if 'acc_' in name]
    assert not [name for name, p in model.named_parameters() if p.requires_grad and p.grad is None]


def test_a_process_without_any_label(tmp_path):
    """It takes part in every step: the weights are those of the mean of both processes' gradients."""
    kinds = ['HSSAKD', 'SSAClassifier', 'OnlineHSSAKD']
    command = [sys.executable, str(ROOT / 'tests/helpers/unlabelled_ranks.py'), str(tmp_path), *kinds]
    env = dict(os.environ, PYTHONPATH=f'{ROOT}:{ROOT}/tests/helpers')
    done = subprocess.run(command, capture_output=True, text=True, env=env, timeout=300)
    assert not done.returncode, done.stdout + done.stderr
    for kind in kinds:
        model = distiller(kind, tmp_path)
        optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.01)
        for _ in range(3):
            optimizer.zero_grad()
            for labels in ([3, None, 7, None], [None] * 4):
                total, _ = model.parse_losses(model(IMAGES.double(), samples(labels), mode='loss'))
                (total / 2).backward()
            optimizer.step()
        for rank in range(2):
            found = torch.load(tmp_path / f'{kind}_{rank}.pth')
            torch.testing.assert_close(found, dict(model.state_dict()), rtol=1e-9, atol=1e-12)


def test_branches_of_the_student_itself(tmp_path):
    model = distiller('HSSAKD', tmp_path, loss_weight=dict(aux=1.0))
    part, labelled = losses(model, [3, None, 7, None]), losses(model, [3, 7], IMAGES[[0, 2]])
    assert part['loss_aux'].item() == pytest.approx(labelled['loss_aux'].item(), rel=1e-12)


def test_dkd_needs_every_label(tmp_path):
    model = distiller('HSSAKD', tmp_path, kd_loss=dict(type='DKDLoss'))
    losses(model, LABELS)
    with pytest.raises(ValueError, match='DKDLoss needs the label of every image'):
        losses(model, [3, None, 7, None])


@pytest.mark.parametrize('labels', [[None, 3, 1], [3, None, 1], [None] * 3])
def test_preprocessor(labels):
    preprocessor = MODELS.build(small.config(data_preprocessor=dict(mean=[1.0] * 3, std=[2.0] * 3))).data_preprocessor
    inputs = torch.randint(0, 255, (3, 3, 8, 8), dtype=torch.uint8)
    found = preprocessor(dict(inputs=inputs, data_samples=samples(labels)), training=True)
    assert torch.equal(found['inputs'], (inputs - 1.0) / 2.0)
    assert [sample.gt_label.item() if 'gt_label' in sample else None for sample in found['data_samples']] == labels


def test_preprocessor_that_mixes():
    augments = dict(augments=dict(type='Mixup', alpha=0.8))
    preprocessor = MODELS.build(small.config(train_cfg=augments)).data_preprocessor
    with pytest.raises(ValueError, match='augments mixes labels'):
        preprocessor(dict(inputs=torch.zeros(2, 3, 8, 8), data_samples=samples([None, 1])), training=True)


@pytest.mark.parametrize('kind', ['SSAClassifier', 'OnlineHSSAKD'])
def test_branches_learn_the_views_of_unlabelled_images(kind, tmp_path):
    """The joint cross-entropy of a labelled image, the view's alone of another: probabilities summed over classes."""
    option = dict(views_of_unlabelled=True)
    if kind == 'OnlineHSSAKD':
        option = dict(peers=[small.config(**option), small.config(**option)])
        torch.manual_seed(0)
        model = MODELS.build(dict(type=kind, **option)).double().eval()
        networks = list(model.peers)
    else:
        model = distiller(kind, tmp_path, **option)
        networks = [model]
    found = losses(model, [3, None, 7, None])['loss_aux'].item()
    expected = 0.0
    for network in networks:
        for q in network.forward_views(network.make_views(IMAGES.double())).q:
            probability = q.softmax(1).reshape(4, 4, -1, 4)  # image, its view, class, view
            for image, label in enumerate([3, None, 7, None]):
                for view in range(4):
                    row = probability[image, view, :, view]
                    expected -= (row.sum() if label is None else row[label]).log().item() / 16
    assert found == pytest.approx(expected, rel=1e-12)
    assert losses(model, LABELS)['loss_aux'].item() != pytest.approx(found, rel=1e-3)


def test_all_labelled_changes_no_bit(tmp_path):
    plain = losses(distiller('SSAClassifier', tmp_path), LABELS)
    option = losses(distiller('SSAClassifier', tmp_path, views_of_unlabelled=True), LABELS)
    assert all(torch.equal(plain[name], option[name]) for name in plain)


def test_no_label_for_long_is_said_once(monkeypatch):
    monkeypatch.setattr('mmhssakd.models.data_preprocessor.SUSPICIOUS', 3)
    preprocessor = MODELS.build(small.config()).data_preprocessor
    said = []
    monkeypatch.setattr('mmhssakd.models.data_preprocessor.print_log', lambda text, **_: said.append(text))
    for labels in [[None], [None], [1], [None], [None]]:
        preprocessor(dict(inputs=torch.zeros(1, 3, 8, 8), data_samples=samples(labels)), training=True)
    assert not said
    for _ in range(5):
        preprocessor(dict(inputs=torch.zeros(1, 3, 8, 8), data_samples=samples([None])), training=True)
    assert len(said) == 1 and '3 batches in a row held no labeled image' in said[0]
