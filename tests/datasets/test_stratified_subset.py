import numpy as np
import pytest
from mmpretrain.datasets import BaseDataset

from mmhssakd.registry import DATASETS


@DATASETS.register_module()
class TwelveImages(BaseDataset):
    """Twelve images of three classes, four of each."""

    def load_data_list(self):
        return [dict(img=np.full((2, 2), i, np.uint8), gt_label=i % 3) for i in range(12)]


def subset(**kwargs):
    return DATASETS.build(dict(type='StratifiedSubset', dataset=dict(type='TwelveImages', ann_file=''), **kwargs))


@pytest.mark.parametrize('kwargs, size', [(dict(fraction=0.5), 6), (dict(fraction=1.0), 12), (dict(num_images=3), 3)])
def test_every_class_keeps_its_share(kwargs, size):
    labels = subset(**kwargs).get_gt_labels()
    assert np.bincount(labels).tolist() == [size // 3] * 3


def test_the_seed_chooses():
    def images(seed):
        dataset = subset(fraction=0.5, seed=seed)
        return [int(dataset.get_data_info(i)['img'][0, 0]) for i in range(len(dataset))]

    assert images(1) == images(1)
    assert len({tuple(images(seed)) for seed in range(5)}) > 1


def test_one_part_is_held_out_of_another():
    parts = [subset(num_images=6, seed=3), subset(num_images=3, seed=3, skip=6), subset(num_images=3, seed=3, skip=9)]
    images = [[int(part.get_data_info(i)['img'][0, 0]) for i in range(len(part))] for part in parts]
    assert sorted(image for part in images for image in part) == list(range(12))


@pytest.mark.parametrize(
    'kwargs, message',
    [
        (dict(), 'either fraction or num_images'),
        (dict(fraction=0.5, num_images=3), 'either fraction or num_images'),
        (dict(fraction=0), 'above 0 and at most 1'),
        (dict(num_images=30), 'cannot keep 10 images of class 0, which has 4'),
        (dict(num_images=2), 'cannot keep 0 images'),
        (dict(num_images=6, skip=9), 'cannot keep 2 images of class 0, which has 4 and skips 3'),
    ],
)
def test_bad_options(kwargs, message):
    with pytest.raises(ValueError, match=message):
        subset(**kwargs)
