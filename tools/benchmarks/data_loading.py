"""How many JPEGs a second one worker takes through the training pipeline of the ImageNet config.

Times are processor time, so that what else the machine does leaves them alone.
"""

import os
import os.path as osp
import tempfile
import time
from typing import Dict, List

import cv2
import mmcv
import numpy as np
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmpretrain.registry import DATASETS, TRANSFORMS

from .pairs import ROOT

WIDTH, HEIGHT = 500, 375  # ImageNet's usual size


def write_images(folder: str, number: int) -> float:
    """Write JPEGs with the file size of photographs into one class folder; returns their mean size in KiB."""
    random = np.random.default_rng(0)
    os.makedirs(osp.join(folder, 'class'))
    sizes = []
    for i in range(number):
        coarse = [
            cv2.resize(
                random.integers(0, 256, (HEIGHT // cell, WIDTH // cell, 3), dtype=np.uint8),
                (WIDTH, HEIGHT),
                interpolation=cv2.INTER_CUBIC,
            ).astype(float)
            for cell in (64, 16, 2)
        ]
        image = 0.5 * coarse[0] + 0.3 * coarse[1] + 0.2 * coarse[2]
        file = osp.join(folder, 'class', f'{i}.jpg')
        cv2.imwrite(file, image.clip(0, 255).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, 95])
        sizes.append(osp.getsize(file) / 1024)
    return sum(sizes) / number


def backends() -> List[str]:
    """mmcv's image decoders that are installed here."""
    found = ['cv2', 'pillow']
    if mmcv.image.io.TurboJPEG is not None:
        try:
            mmcv.use_backend('turbojpeg')
            found.append('turbojpeg')
        except (OSError, RuntimeError):  # the Python package without the library
            pass
        mmcv.use_backend('cv2')
    return found


def time_steps(pipeline: List[dict], files: List[str]) -> Dict[str, float]:
    """Milliseconds an image spends in each step of a pipeline."""
    steps = [TRANSFORMS.build(step) for step in pipeline]
    spent = {type(step).__name__: 0.0 for step in steps}
    for file in files:
        results = dict(img_path=file, gt_label=0)
        for step in steps:
            begin = time.process_time()
            results = step(results)
            spent[type(step).__name__] += time.process_time() - begin
    return {name: 1000 * seconds / len(files) for name, seconds in spent.items()}


def profile(small: bool = False) -> dict:
    """Images a second of one worker, and what each step takes, for each of mmcv's decoders."""
    cv2.setNumThreads(0)  # as mmengine sets it in a worker
    cfg = Config.fromfile(osp.join(ROOT, 'configs/hssakd_r18_imagenet.py'))
    DefaultScope.get_instance('benchmark', scope_name='mmpretrain')
    report = dict(backends={})
    with tempfile.TemporaryDirectory() as folder:
        report['kib'] = write_images(folder, 4 if small else 100)
        print(f'JPEGs of {WIDTH} x {HEIGHT} pixels, {report["kib"]:.0f} KiB each, one worker:')
        for backend in backends():
            pipeline = [dict(step) for step in cfg.train_pipeline]
            pipeline[0]['imdecode_backend'] = backend
            dataset = DATASETS.build(dict(type='CustomDataset', data_root=folder, pipeline=pipeline))
            dataset[0]
            begin = time.process_time()
            for i in range(len(dataset)):
                dataset[i]
            speed = len(dataset) / (time.process_time() - begin)
            files = [dataset.get_data_info(i)['img_path'] for i in range(len(dataset))]
            steps = time_steps(pipeline, files)
            report['backends'][backend] = dict(images_per_s=speed, step_ms=steps)
            print(f'{backend:10s}{speed:8.1f} images/s; ms: ' + ', '.join(f'{k} {v:.2f}' for k, v in steps.items()))
    return report
