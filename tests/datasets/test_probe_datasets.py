import cv2
import numpy as np
import pytest

from mmhssakd.registry import DATASETS


@pytest.fixture
def stl10(tmp_path):
    """Three images a split; pixel (row, column, channel) of image i is row + 2 column + 3 channel + i, modulo 256."""
    rows, columns, channels = np.meshgrid(range(96), range(96), range(3), indexing='ij')
    for split in ('train', 'test'):
        images = np.stack([(rows + 2 * columns + 3 * channels + i) % 256 for i in range(3)]).astype(np.uint8)
        images.transpose(0, 3, 2, 1).tofile(tmp_path / f'{split}_X.bin')  # STL-10 is column-major
        np.array([1, 10, 3], np.uint8).tofile(tmp_path / f'{split}_y.bin')
    return tmp_path


def test_stl10(stl10):
    dataset = DATASETS.build(dict(type='STL10', data_root=str(stl10), split='test', pipeline=[]))
    assert dataset.get_gt_labels().tolist() == [0, 9, 2]
    image = dataset.get_data_info(1)['img']
    assert image.shape == (96, 96, 3)
    assert image[5, 7, 2] == 5 + 2 * 7 + 3 * 0 + 1  # BGR: the last channel is red, the file's first
    assert image[5, 7, 0] == 5 + 2 * 7 + 3 * 2 + 1


def test_stl10_bad_files(stl10):
    with pytest.raises(ValueError, match="'train' or 'test', but got 'val'"):
        DATASETS.build(dict(type='STL10', data_root=str(stl10), split='val', pipeline=[]))
    np.ones(4, np.uint8).tofile(stl10 / 'train_y.bin')
    with pytest.raises(ValueError, match='train_X.bin does not hold one image of 96x96 for each of the 4 labels'):
        DATASETS.build(dict(type='STL10', data_root=str(stl10), split='train', pipeline=[]))
    (stl10 / 'test_X.bin').unlink()
    with pytest.raises(FileNotFoundError, match='test_X.bin'):
        DATASETS.build(dict(type='STL10', data_root=str(stl10), split='test', pipeline=[]))


@pytest.fixture
def tiny(tmp_path):
    (tmp_path / 'wnids.txt').write_text('n02\nn01\n')
    for name in ('n01', 'n02'):
        (tmp_path / 'train' / name / 'images').mkdir(parents=True)
        cv2.imwrite(str(tmp_path / 'train' / name / 'images' / f'{name}_0.JPEG'), np.zeros((64, 64, 3), np.uint8))
    (tmp_path / 'val/images').mkdir(parents=True)
    cv2.imwrite(str(tmp_path / 'val/images/val_0.JPEG'), np.zeros((64, 64, 3), np.uint8))
    (tmp_path / 'val/val_annotations.txt').write_text('val_0.JPEG\tn02\t0\t32\t44\t62\n')
    return tmp_path


def test_tiny_imagenet(tiny):
    train = DATASETS.build(dict(type='TinyImageNet', data_root=str(tiny), split='train', pipeline=[]))
    assert train.get_gt_labels().tolist() == [0, 1] and train.metainfo['classes'] == ('n01', 'n02')
    val = DATASETS.build(
        dict(
            type='TinyImageNet', data_root=str(tiny), split='val', pipeline=[dict(type='mmpretrain.LoadImageFromFile')]
        )
    )
    assert val.get_gt_labels().tolist() == [1] and val[0]['img'].shape == (64, 64, 3)


def test_tiny_imagenet_bad_folder(tiny):
    with pytest.raises(ValueError, match="'train' or 'val', but got 'test'"):
        DATASETS.build(dict(type='TinyImageNet', data_root=str(tiny), split='test', pipeline=[]))
    (tiny / 'val/val_annotations.txt').unlink()
    with pytest.raises(FileNotFoundError, match='val_annotations.txt'):
        DATASETS.build(dict(type='TinyImageNet', data_root=str(tiny), split='val', pipeline=[]))
