"""How many JPEGs a second one worker takes through the training pipeline of the ImageNet config.

Times are processor time, so that what else the machine does leaves them alone.
"""

import os.path as osp
import tempfile
import time
from typing import Dict, List

import cv2
import mmcv
import numpy as np
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmpretrain.registry import TRANSFORMS

from .pairs import ROOT

WIDTH, HEIGHT = 500, 375  # ImageNet's usual size


def write_images(folder: str, number: int) -> List[str]:
    """Write JPEGs with the file size of photographs."""
    random = np.random.default_rng(0)
    files = [osp.join(folder, f'{i}.jpg') for i in range(number)]
    for file in files:
        image = np.zeros((HEIGHT, WIDTH, 3))
        for cell, weight in ((64, 0.5), (16, 0.3), (2, 0.2)):
            coarse = random.integers(0, 256, (HEIGHT // cell, WIDTH // cell, 3), dtype=np.uint8)
            image += weight * cv2.resize(coarse, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
        cv2.imwrite(file, image.astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, 95])
    return files


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
        files = write_images(folder, 4 if small else 100)
        report['kib'] = sum(map(osp.getsize, files)) / len(files) / 1024
        print(f'JPEGs of {WIDTH} x {HEIGHT} pixels, {report["kib"]:.0f} KiB each, one worker:')
        for backend in backends():
            pipeline = [dict(step) for step in cfg.train_pipeline]
            pipeline[0]['imdecode_backend'] = backend
            time_steps(pipeline, files[:1])
            steps = time_steps(pipeline, files)
            speed = 1000 / sum(steps.values())
            report['backends'][backend] = dict(images_per_s=speed, step_ms=steps)
            print(f'{backend:10s}{speed:8.1f} images/s; ms: ' + ', '.join(f'{k} {v:.2f}' for k, v in steps.items()))
    return report
