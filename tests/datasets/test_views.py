"""Self-supervised tasks beside rotation."""

import pytest
import small
import torch

from mmhssakd.datasets.transforms import rotate_views
from mmhssakd.models.labels import joint_labels
from mmhssakd.registry import MODELS, TRANSFORMS

BOTH = dict(type='ComposeViews', views=[dict(type='RotateViews'), dict(type='PermuteChannelViews')])


def test_channel_permutations():
    views = TRANSFORMS.build(dict(type='PermuteChannelViews'))
    images = torch.arange(2 * 3 * 2 * 1.0).view(2, 3, 2, 1)
    out = views.expand(images)
    assert views.num_views == 6 and out.shape == (12, 3, 2, 1)
    assert torch.equal(out[::6], images)  # the identity comes first
    assert torch.equal(out[7], images[1, [0, 2, 1]]) and torch.equal(out[11], images[1, [2, 1, 0]])
    assert len({tuple(view.flatten().tolist()) for view in out}) == 12


def test_composition():
    views = TRANSFORMS.build(BOTH)
    images = torch.randn(2, 3, 4, 4)
    out = views.expand(images)
    assert views.num_views == 24 and len(out) == 48
    assert torch.equal(out[::24], images)
    assert torch.equal(out[::6], rotate_views(images))
    assert torch.equal(out[24 + 2 * 6 + 1], images[1].rot90(2, (1, 2))[[0, 2, 1]])


def test_pipeline():
    image = torch.randn(3, 4, 4)
    assert torch.equal(TRANSFORMS.build(BOTH)(dict(inputs=image))['inputs'], TRANSFORMS.build(BOTH).expand(image[None]))


@pytest.mark.parametrize('views, num_views', [(dict(type='mmhssakd.PermuteChannelViews'), 6), (BOTH, 24)])
def test_number_of_views_is_derived_everywhere(views, num_views, tmp_path):
    teacher = small.config(views=views)
    torch.save(MODELS.build(teacher).state_dict(), tmp_path / 'teacher.pth')
    model = MODELS.build(
        small.config(type='HSSAKD', views=views, teacher=dict(config=teacher, checkpoint=str(tmp_path / 'teacher.pth')))
    )
    assert [branch.fc.out_features for branch in model.auxiliary_neck.branches] == [10 * num_views] * 3
    logits, aux_logits = model.forward_views(model.make_views(torch.randn(2, 3, 8, 8)))
    assert len(logits) == 2 * num_views and aux_logits[0].shape == (2 * num_views, 10 * num_views)
    assert joint_labels(torch.tensor([3, 9]), num_views)[-1] == 10 * num_views - 1
    assert torch.isfinite(model.parse_losses(model(torch.randn(2, 3, 8, 8), small.samples([0, 9]), mode='loss'))[0])


def test_teacher_and_student_with_different_tasks(tmp_path):
    teacher = small.config(views=BOTH)
    torch.save(MODELS.build(teacher).state_dict(), tmp_path / 'teacher.pth')
    with pytest.raises(ValueError, match='trained on 24 views, the student has 4'):
        checkpoint = str(tmp_path / 'teacher.pth')
        MODELS.build(small.config(type='HSSAKD', teacher=dict(config=teacher, checkpoint=checkpoint))).init_weights()


@pytest.mark.parametrize(
    'views, shape, message',
    [
        (dict(type='PermuteChannelViews'), (2, 1, 8, 8), r'needs images of shape \(B, 3, H, W\).*\(2, 1, 8, 8\)'),
        (dict(type='PermuteChannelViews'), (3, 8, 8), r'\(3, 8, 8\)'),
        (BOTH, (2, 3, 8, 6), 'height 8 and width 6'),
    ],
)
def test_tasks_that_do_not_fit_the_input(views, shape, message):
    with pytest.raises(ValueError, match=message):
        TRANSFORMS.build(views).expand(torch.zeros(shape))


def test_empty_composition():
    with pytest.raises(ValueError, match='at least one task'):
        TRANSFORMS.build(dict(type='ComposeViews', views=[]))
