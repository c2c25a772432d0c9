import pytest
import torch

from mmhssakd.datasets.transforms import RotateViews, rotate_views


def test_rows_are_interleaved_and_turn_counter_clockwise():
    images = torch.arange(2 * 1 * 2 * 2.0).view(2, 1, 2, 2)
    views = rotate_views(images)
    assert views.shape == (8, 1, 2, 2)
    assert torch.equal(views[0::4], images)
    # [[4, 5], [6, 7]] turned by 90 degrees: the right column becomes the top row
    assert views[5, 0].tolist() == [[5, 7], [4, 6]]
    assert views[6, 0].tolist() == [[7, 6], [5, 4]]


def test_four_quarter_turns_are_the_identity():
    images = torch.randn(2, 3, 8, 8)
    turned = images
    for _ in range(4):
        turned = rotate_views(turned)[1::4]
    assert torch.equal(turned, images)


def test_input_is_untouched_and_memory_is_not_shared():
    images = torch.randn(1, 3, 4, 4)
    before = images.clone()
    rotate_views(images).zero_()
    assert torch.equal(images, before)


@pytest.mark.parametrize('shape, message', [((2, 3, 8, 6), 'height 8 and width 6'), ((3, 8, 8), r'\(3, 8, 8\)')])
def test_bad_shapes(shape, message):
    with pytest.raises(ValueError, match=message):
        rotate_views(torch.zeros(shape))


def test_pipeline_makes_the_same_views():
    image = torch.randn(3, 8, 8)
    results = RotateViews()(dict(inputs=image.clone()))
    assert torch.equal(results['inputs'], rotate_views(image[None]))


def test_pipeline_before_pack_inputs():
    with pytest.raises(TypeError, match='after PackInputs'):
        RotateViews()(dict(img=torch.zeros(8, 8, 3).numpy()))
