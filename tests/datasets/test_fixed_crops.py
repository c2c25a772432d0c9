"""A data set whose random steps choose among a few results for each image."""

import random

import cv2
import numpy as np
import pytest
import torch
from mmengine.registry import DefaultScope

from mmhssakd.registry import DATASETS


@pytest.fixture
def crops(tmp_path):
    numbers = np.random.RandomState(0)
    (tmp_path / 'cat').mkdir()
    for i in range(3):
        cv2.imwrite(str(tmp_path / f'cat/{i}.png'), numbers.randint(0, 255, (16, 16, 3), np.uint8))
    pipeline = [
        dict(type='LoadImageFromFile'),
        dict(type='RandomCrop', crop_size=8),
        dict(type='RandomFlip', prob=0.5),
        dict(type='PackInputs'),
    ]
    images = dict(type='CustomDataset', data_root=str(tmp_path), pipeline=pipeline)
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        yield lambda **options: DATASETS.build(dict(type='mmhssakd.FixedCrops', dataset=images, **options))


def test_each_image_has_so_many_crops(crops):
    images = crops(crops=3)
    images.full_init()
    assert len(images) == 3 and images.metainfo['classes'] == ('cat',)
    seen = {}
    for _ in range(60):
        sample = images[1]
        number, total = sample['data_samples'].crop
        assert total == 9 and number in (3, 4, 5) and sample['data_samples'].gt_label == 0
        assert torch.equal(seen.setdefault(number, sample['inputs']), sample['inputs'])
    assert len(seen) == 3
    assert not torch.equal(seen[3], seen[4])
    again = crops(crops=3)
    for number, pixels in seen.items():
        other = next(s for s in iter(lambda: again[1], None) if s['data_samples'].crop[0] == number)
        assert torch.equal(other['inputs'], pixels)
    differs = crops(crops=3, seed=1)
    assert not torch.equal(next(s for s in iter(lambda: differs[1], None))['inputs'], seen[3])


def test_later_random_numbers_do_not_follow_from_the_crop(crops):
    images = crops(crops=1)

    def after_the_crop(seed):
        random.seed(seed), np.random.seed(seed), torch.manual_seed(seed)
        assert images[0]['data_samples'].crop == (0, 3)
        return random.random(), np.random.rand(), torch.rand(()).item()

    assert after_the_crop(0) == after_the_crop(0)
    assert not set(after_the_crop(0)) & set(after_the_crop(1))


@pytest.mark.parametrize('number', [0, -1, 2.0, '4'])
def test_number_of_crops(crops, number):
    with pytest.raises(ValueError, match='FixedCrops.crops must be a positive whole number, but got'):
        crops(crops=number)


def test_a_part_of_the_crops_is_mixed(crops):
    plain, mixed = crops(crops=8), crops(crops=8, mixed=0.5)
    plain.full_init(), mixed.full_init()
    images = {True: {}, False: {}}
    for _ in range(150):
        for data in (plain, mixed):
            sample = data[0]
            labelled = 'gt_label' in sample['data_samples']
            pixels = images[data is mixed].setdefault(sample['data_samples'].crop[0], (labelled, sample['inputs']))[1]
            assert torch.equal(pixels, sample['inputs']) and pixels.dtype == torch.uint8
    kept = {number for number, (labelled, _) in images[True].items() if labelled}
    assert len(images[True]) == len(images[False]) == 8 and 0 < len(kept) < 8
    assert all(labelled for labelled, _ in images[False].values())
    for number, (_, pixels) in images[True].items():  # the blend of a crop with any is at least half of itself
        same = torch.equal(pixels, images[False][number][1])
        assert same == (number in kept)
        assert (pixels.float() - images[False][number][1].float() / 2).min() >= -1


def test_mixed_part(crops):
    with pytest.raises(ValueError, match='FixedCrops.mixed must be between 0 and 1, but got 2'):
        crops(mixed=2)
