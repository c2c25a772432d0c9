"""Write a student or a detector as ONNX, and compare what onnxruntime computes with torch.

A classifier's graph maps normalized images to logits, for any batch size. A detector's maps one normalized image to
boxes, scores and labels, NMS included. The means and deviations to normalize with are in the graph's metadata.
"""

import argparse
import json
from pathlib import Path
from statistics import mean, median
from time import perf_counter
from typing import Any, Iterable, List, Tuple

from mmhssakd.apis import get_model  # before mmdet, which needs its operators
from mmhssakd.converters.onnx import TRANSLATIONS, DetectorGraph
from mmhssakd.engine.launch import natural
from mmhssakd.engine.launch.config import read_config

# isort: split
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from mmdet.apis.det_inferencer import IMG_EXTENSIONS
from mmdet.models.detectors import BaseDetector
from mmdet.structures import DetDataSample
from mmdet.utils import get_test_pipeline_cfg
from mmengine.dataset import Compose
from mmengine.utils import scandir
from torch import Tensor

TOLERANCE = 1e-3  # of logits relative to the largest one, of boxes in pixels
SCORE_TOLERANCE = 1e-4
SIZE = 'height and width (default: 224 224); smaller images are padded for a detector'
Picture = Tuple[str, Tensor, DetDataSample]  # name, normalized pixels (1, 3, H, W), size before they were padded


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', help='config file of the classifier or detector')
    parser.add_argument('checkpoint', help='its checkpoint')
    parser.add_argument('out', type=Path, help='file to write, *.onnx')
    parser.add_argument('--size', type=natural, nargs=2, default=(224, 224), metavar=('HEIGHT', 'WIDTH'), help=SIZE)
    parser.add_argument('--images', type=Path, help='folder to compare a detector on (default: one random image)')
    return parser.parse_args()


def write(network: nn.Module, inputs: Tuple[Tensor, ...], names: List[str], out: Path, notes: dict) -> Any:
    """Export a network; returns onnxruntime's session. A second input is a default and may be left out.

    Of a network with one input the first size stays free.
    """
    import onnx
    import onnxruntime

    shapes = ({0: torch.export.Dim.DYNAMIC},) if len(inputs) == 1 else None
    options = dict(opset_version=18, dynamo=True, external_data=False, verbose=False, dynamic_shapes=shapes)
    options.update(input_names=names[: len(inputs)], output_names=names[len(inputs) :])
    torch.onnx.export(network.eval(), inputs, str(out), custom_translation_table=TRANSLATIONS, **options)
    graph = onnx.load(str(out))
    onnx.helper.set_model_props(graph, {key: json.dumps(value) for key, value in notes.items()})
    for name, default in zip(names[1:], inputs[1:]):
        graph.graph.initializer.append(onnx.numpy_helper.from_array(default.numpy(), name))
    onnx.checker.check_model(graph)
    onnx.save(graph, str(out))
    threads = onnxruntime.SessionOptions()
    threads.intra_op_num_threads = torch.get_num_threads()
    return onnxruntime.InferenceSession(str(out), threads, providers=['CPUExecutionProvider'])


def check_classifier(model: nn.Module, session: Any, images: Tensor) -> None:
    """Compare logits; raises ArithmeticError if they differ."""
    with torch.no_grad():
        expected = model(images)
    found = torch.from_numpy(session.run(None, dict(images=images.numpy()))[0])
    difference = ((found - expected).abs().max() / expected.abs().max().clamp(min=1e-6)).item()
    print(f'images -> logits; largest difference to torch {difference:.1e}')
    if not difference < TOLERANCE:
        raise ArithmeticError(
            f'for another batch size than the exported one, they differ by {difference:.1e} of the largest output. '
            'Networks that work in windows (Swin) cannot be exported for any batch size.'
        )


def prepare(model: nn.Module, folder: Path, size: List[int]) -> Iterable[Picture]:
    """The images in a folder as the test pipeline makes them, padded to the graph's size."""
    pipeline = Compose(get_test_pipeline_cfg(model.cfg))
    for name in sorted(scandir(folder, IMG_EXTENSIONS, recursive=True, case_sensitive=False)):
        data = pipeline(dict(img_path=str(folder / name), img_id=0))
        data = model.data_preprocessor({key: [value] for key, value in data.items()}, False)
        height, width = data['inputs'].shape[2:]
        if height > size[0] or width > size[1]:
            print(f'{name} is left out: after the test pipeline it is larger than --size, {height} x {width}')
        else:
            yield name, F.pad(data['inputs'], (0, size[1] - width, 0, size[0] - height)), data['data_samples'][0]


def differences(ours: List[Tensor], theirs: List[Tensor]) -> Tuple[float, float]:
    """Largest ones between boxes (K, 4), each and the nearest of its label (K,), and between their scores (K,)."""
    if len(ours[0]) != len(theirs[0]) or len(ours[0]) == 0:
        return (float('inf'),) * 2 if len(ours[0]) != len(theirs[0]) else (0.0, 0.0)
    ours_apart, theirs_apart = (torch.cat([boxes, 1e6 * labels[:, None]], 1) for boxes, _, labels in (ours, theirs))
    distances, nearest = torch.cdist(ours_apart, theirs_apart, p=float('inf')).min(dim=1)
    return distances.max().item(), (ours[1] - theirs[1][nearest]).abs().max().item()


def check_detector(model: nn.Module, session: Any, pictures: Iterable[Picture]) -> None:
    """Compare detections, and time both; raises ArithmeticError if they differ or there is no image."""
    count, found, times = 0, [], []
    for name, images, sample in pictures:
        feeds = dict(images=images.numpy(), size=np.array(sample.img_shape[:2], np.float32))
        for _ in range(1 if times else 2):  # the first run of both is not timed
            start = perf_counter()
            with torch.no_grad():
                predicted = model.predict(images, [sample], rescale=False)[0].pred_instances
            middle = perf_counter()
            ours = [torch.from_numpy(output) for output in session.run(None, feeds)]
            end = perf_counter()
        times.append((1000 * (middle - start), 1000 * (end - middle)))
        found.append(differences(ours, [predicted.bboxes, predicted.scores, predicted.labels]))
        count += len(predicted)
        if not (found[-1][0] < TOLERANCE and found[-1][1] < SCORE_TOLERANCE):
            boxes, scores = found[-1]
            raise ArithmeticError(
                f'{name} has {len(ours[0])} detections, and {len(predicted)} in torch; they differ by {boxes:.1e} '
                f'pixels and {scores:.1e} in scores.'
            )
    if not times:
        raise ArithmeticError('there is no image to compare on that fits: see --images and --size.')
    boxes, scores = (max(values) for values in zip(*found))
    print(f'images -> boxes, scores, labels; {count} detections in {len(times)} images')
    print(f'largest difference to torch {boxes:.1e} pixels, {scores:.1e} in scores')
    for kind, values in zip(('torch', 'onnxruntime'), zip(*times)):
        print(f'{kind}: {mean(values):.1f} ms an image (median {median(values):.1f})')


def main() -> None:
    args = parse_args()
    if args.out.suffix != '.onnx':
        raise SystemExit(f'the file to write must end in .onnx, but got {args.out}')
    if not args.out.resolve().parent.is_dir():
        raise SystemExit(f'no such folder to write to: {args.out.resolve().parent}')
    if args.images and not args.images.is_dir():
        raise SystemExit(f'no such folder of images: {args.images}')
    try:
        model = get_model(read_config(args.config), pretrained=args.checkpoint)
        graph = DetectorGraph(model) if isinstance(model, BaseDetector) else model
    except (OSError, ValueError) as error:
        raise SystemExit(str(error)) from None
    if hasattr(model, 'peers'):
        raise SystemExit('an online run has several networks: take one out with tools/model_converters/export_peer.py.')
    preprocessor = model.data_preprocessor
    rgb = getattr(preprocessor, 'to_rgb', getattr(preprocessor, '_channel_conversion', False))  # mmpretrain's, mmdet's
    notes = dict(
        mean=preprocessor.mean.flatten().tolist(),
        std=preprocessor.std.flatten().tolist(),
        channels='RGB' if rgb else 'BGR, as OpenCV reads',
    )
    images, size = torch.randn(3, 3, *args.size), tuple(args.size)
    try:
        if graph is model:
            check_classifier(model, write(model, (images[:2],), ['images', 'logits'], args.out, notes), images)
        else:
            inputs = (images[:1], torch.tensor(size, dtype=torch.float32))
            session = write(graph, inputs, ['images', 'size', 'boxes', 'scores', 'labels'], args.out, notes)
            noise = ('random numbers', images[:1], DetDataSample(metainfo=dict(img_shape=size, ori_shape=size)))
            check_detector(model, session, prepare(model, args.images, size) if args.images else [noise])
    except ArithmeticError as error:
        args.out.unlink()
        raise SystemExit(f'{args.out} does not compute what torch computes; it was removed: {error}') from None


if __name__ == '__main__':
    main()
