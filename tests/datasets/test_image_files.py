"""Images of every kind load; broken ones are named, or skipped if that was asked for."""

import cv2
import numpy as np
import pytest
from mmengine.config import Config
from PIL import Image

from mmhssakd.datasets.image_files import BrokenImageError, is_whole
from mmhssakd.engine.runner import Runner, check_images
from mmhssakd.registry import TRANSFORMS

PIXELS = np.random.RandomState(0).randint(0, 256, (13, 17, 3)).astype(np.uint8)


def loader(**kwargs):
    """mmcv's transform, as our runners build it."""
    return TRANSFORMS.build(check_images(dict(type='LoadImageFromFile', **kwargs)))


def load(path, **kwargs) -> np.ndarray:
    results = loader(**kwargs)(dict(img_path=str(path)))
    assert results['img_shape'] == results['ori_shape'] == results['img'].shape[:2]
    return results['img']


def write(path, image) -> None:
    assert cv2.imwrite(str(path), image)


def test_it_reads_what_mmcvs_transform_reads(tmp_path):
    write(tmp_path / 'a.jpg', PIXELS)
    for kwargs in (dict(), dict(to_float32=True), dict(color_type='grayscale'), dict(imdecode_backend='pillow')):
        theirs = TRANSFORMS.build(dict(type='mmcv.LoadImageFromFile', **kwargs))
        expected = theirs(dict(img_path=str(tmp_path / 'a.jpg')))
        found = load(tmp_path / 'a.jpg', **kwargs)
        assert found.dtype == expected['img'].dtype and np.array_equal(found, expected['img'])


def test_kinds_of_images(tmp_path):
    gray = PIXELS[..., 0]
    for name, image in dict(
        gray=gray,
        rgba=np.dstack([PIXELS, gray]),
        deep=PIXELS.astype(np.uint16) * 257,
        deep_gray=gray.astype(np.uint16) * 257,
        one=PIXELS[:1, :1],
    ).items():
        write(tmp_path / f'{name}.png', image)
    Image.fromarray(PIXELS[..., ::-1]).quantize(256).save(tmp_path / 'palette.png')
    assert all(np.array_equal(load(tmp_path / f'{name}.png'), np.dstack([gray] * 3)) for name in ('gray', 'deep_gray'))
    assert all(np.array_equal(load(tmp_path / f'{name}.png'), PIXELS) for name in ('rgba', 'deep'))
    assert load(tmp_path / 'one.png').shape == (1, 1, 3)
    assert np.abs(load(tmp_path / 'palette.png').astype(int) - PIXELS).mean() < 3


@pytest.mark.parametrize('suffix', ['.jpg', '.png'])
@pytest.mark.parametrize('part', [0.3, 0.6, 0.95])
def test_a_truncated_file(tmp_path, suffix, part):
    write(tmp_path / f'a{suffix}', np.random.RandomState(0).randint(0, 256, (64, 64, 3)).astype(np.uint8))
    data = (tmp_path / f'a{suffix}').read_bytes()
    (tmp_path / f'a{suffix}').write_bytes(data[: int(len(data) * part)])
    with pytest.raises(BrokenImageError, match=rf'cannot read the image .*a\{suffix}: the file is truncated'):
        load(tmp_path / f'a{suffix}')
    lenient = loader(ignore_empty=True)
    assert lenient(dict(img_path=str(tmp_path / f'a{suffix}'))) is None


@pytest.mark.parametrize(
    'options',
    [dict(progressive=True), dict(quality=5), dict(comment=b'x' * 500), dict(exif=b'Exif\0\0' + b'\xff\xd9' * 20)],
)
def test_a_whole_jpeg_of_any_make(tmp_path, options):
    Image.fromarray(PIXELS).save(tmp_path / 'a.jpg', **options)
    data = (tmp_path / 'a.jpg').read_bytes()
    assert is_whole(data) and is_whole(data + b'\0' * 100) and not is_whole(data[:-2]) and not is_whole(data[:30])


@pytest.mark.parametrize(
    'content, message',
    [
        (b'', 'cannot read the image .*a.jpg: the file is empty'),
        (b'no image', 'failed to load image: .*a.jpg'),
        (None, 'cannot read the image .*a.jpg: No such file or directory'),
    ],
)
def test_other_broken_files(tmp_path, content, message):
    if content is not None:
        (tmp_path / 'a.jpg').write_bytes(content)
    with pytest.raises((BrokenImageError, AssertionError), match=message):
        load(tmp_path / 'a.jpg')


def test_a_file_backend_of_the_config_is_asked(tmp_path):
    """It reads the bytes, and they are checked as well."""
    (tmp_path / 'a.jpg').write_bytes(b'')
    with pytest.raises(BrokenImageError, match='s3://bucket/a.jpg: No such file'):  # not asked for by its prefix
        load('s3://bucket/a.jpg', backend_args=dict(backend='local'))
    with pytest.raises(BrokenImageError, match='the file is empty'):
        load(tmp_path / 'a.jpg', backend_args=dict(backend='local'))


@pytest.fixture
def folder(tmp_path):
    for label in 'ab':
        (tmp_path / 'images' / label).mkdir(parents=True)
        for i in range(3):
            write(tmp_path / 'images' / label / f'{i}.png', PIXELS)
    return tmp_path / 'images'


@pytest.mark.parametrize('workers', [0, 1])
def test_training_stops_at_a_broken_image(folder, tmp_path, workers):
    (folder / 'a/1.png').write_bytes(b'')
    cfg = Config(
        dict(
            default_scope='mmpretrain',
            work_dir=str(tmp_path / 'work'),
            experiment_name=str(tmp_path),
            log_level='WARNING',
            model=dict(
                type='ImageClassifier',
                backbone=dict(type='mmhssakd.CIFARResNet', depth=8, stem_channels=8, base_channels=8),
                neck=dict(type='GlobalAveragePooling'),
                head=dict(type='LinearClsHead', num_classes=2, in_channels=32),
            ),
            train_dataloader=dict(
                batch_size=2,
                num_workers=workers,
                sampler=dict(type='DefaultSampler', shuffle=True),
                collate_fn=dict(type='default_collate'),
                dataset=dict(
                    type='CustomDataset',
                    data_root=str(folder),
                    pipeline=[dict(type='LoadImageFromFile'), dict(type='PackInputs')],
                ),
            ),
            train_cfg=dict(by_epoch=True, max_epochs=2),
            optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.01)),
            randomness=dict(seed=0),
        )
    )
    with pytest.raises(ValueError, match=r'cannot read the image .*a/1\.png: the file is empty'):
        Runner.from_cfg(cfg).train()
