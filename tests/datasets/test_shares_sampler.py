"""Batches with fixed shares of labelled and unlabelled images: finite, and the same for any number of processes."""

from collections import Counter

import pytest
from mmengine.registry import DATA_SAMPLERS
from torch.utils.data import ConcatDataset

import mmhssakd.datasets.shares_sampler as module


def sampler(sizes=(5, 7), shares=(1, 3), rank=0, world_size=1, monkeypatch=None):
    if monkeypatch is not None:
        monkeypatch.setattr(module, 'get_dist_info', lambda: (rank, world_size))
    dataset = ConcatDataset([range(size) for size in sizes])
    return DATA_SAMPLERS.build(
        dict(type='mmhssakd.SharesSampler', shares=shares, seed=0), default_args=dict(dataset=dataset)
    )


def test_shares_and_passes():
    drawn = sampler()
    epochs = []
    for epoch in range(7):
        drawn.set_epoch(epoch)
        indices = list(drawn)
        assert len(indices) == len(drawn) == 20
        assert [index < 5 for index in indices] == [True, False, False, False] * 5
        assert sorted(indices[::4]) == [0, 1, 2, 3, 4]  # one pass over the first data set
        epochs.append(indices)
    seen = Counter(index for indices in epochs for index in indices if index >= 5)
    assert set(seen.values()) == {15} and len(seen) == 7  # 7 epochs x 15 draws over 7 images
    assert epochs[0][::4] != epochs[1][::4]
    drawn.set_epoch(3)
    assert list(drawn) == epochs[3]


def test_any_number_of_processes(monkeypatch):
    whole = list(sampler(sizes=(8, 9)))
    parts = [list(sampler((8, 9), rank=rank, world_size=2, monkeypatch=monkeypatch)) for rank in (0, 1)]
    for step in range(4):  # 4 images on each of 2 processes, or 8 on one
        assert sorted(parts[0][4 * step : 4 * step + 4] + parts[1][4 * step : 4 * step + 4]) == sorted(
            whole[8 * step : 8 * step + 8]
        )


def test_other_data_sets_are_refused():
    with pytest.raises(ValueError, match=r'shares=\(1, 2, 3\) needs a ConcatDataset of 3'):
        sampler(shares=(1, 2, 3))
    with pytest.raises(ValueError, match='positive'):
        sampler(shares=(1, 0))
