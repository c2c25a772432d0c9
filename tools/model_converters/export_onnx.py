"""Write a student or a detector as ONNX, and compare what onnxruntime computes with torch.

A classifier becomes one graph: normalized images to logits. A detector becomes its raw outputs: backbone, neck and the
dense head in OUT, and the box head of a two-stage detector in OUT with ``_box_head``; anchors, RoIAlign and NMS stay
outside. The means and deviations to normalize with are in the graph's metadata.
"""

import argparse
import json
from pathlib import Path
from typing import List, Tuple

import torch
import torch.nn as nn
from mmengine.config import Config

from mmhssakd.apis import get_model

TOLERANCE = 1e-3  # relative to the largest output
OPSET = 18


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', help='config file of the classifier or detector')
    parser.add_argument('checkpoint', help='its checkpoint')
    parser.add_argument('out', type=Path, help='file to write, *.onnx')
    parser.add_argument(
        '--size',
        type=int,
        nargs=2,
        default=(224, 224),
        metavar=('HEIGHT', 'WIDTH'),
        help='size of the images (default: 224 224); the batch size stays free',
    )
    return parser.parse_args()


class Dense(nn.Module):
    """A detector of mmdet up to the outputs of its dense head: RPN, or the head of a one-stage detector."""

    def __init__(self, detector: nn.Module) -> None:
        super().__init__()
        self.detector = detector
        self.two_stage = hasattr(detector, 'rpn_head')
        self.kinds = ('cls_score', 'bbox_pred', 'feature')[: 3 if self.two_stage else 2]

    def forward(self, images: torch.Tensor) -> Tuple[torch.Tensor, ...]:
        """Map images (B, 3, H, W) to scores and box deltas of every level (and its features, for the box head)."""
        features = self.detector.extract_feat(images)
        scores, boxes = (self.detector.rpn_head if self.two_stage else self.detector.bbox_head)(features)
        return (*scores, *boxes, *(features if self.two_stage else ()))


def write(network: nn.Module, inputs: torch.Tensor, names: List[str], out: Path, notes: dict) -> float:
    """Export a network in eval mode, and compare it.

    Args:
        network (nn.Module): What to export.
        inputs (Tensor): An input, whose first size stays free.
        names (list[str]): Names of the input and of the outputs.
        out (Path): File to write.
        notes (dict): Metadata of the graph.

    Returns:
        float: Largest difference between torch and onnxruntime, relative to the largest output.

    Raises:
        ImportError: onnx, onnxscript or onnxruntime is not installed.
    """
    import onnx
    import onnxruntime

    torch.onnx.export(
        network,
        (inputs,),
        str(out),
        input_names=names[:1],
        output_names=names[1:],
        opset_version=OPSET,
        dynamo=True,
        external_data=False,
        verbose=False,
        dynamic_shapes=({0: torch.export.Dim.DYNAMIC},),
    )
    graph = onnx.load(str(out))
    onnx.helper.set_model_props(graph, {key: json.dumps(value) for key, value in notes.items()})
    onnx.checker.check_model(graph)
    onnx.save(graph, str(out))

    session = onnxruntime.InferenceSession(str(out), providers=['CPUExecutionProvider'])
    other = torch.randn(3, *inputs.shape[1:])  # another batch size than the exported one
    with torch.no_grad():
        expected = network(other)
    expected = expected if isinstance(expected, (tuple, list)) else (expected,)
    found = session.run(None, {names[0]: other.numpy()})
    return max(
        ((torch.from_numpy(ours) - theirs).abs().max() / theirs.abs().max().clamp(min=1e-6)).item()
        for ours, theirs in zip(found, expected)
    )


def parts_of(model: nn.Module, size: Tuple[int, int], out: Path) -> List[tuple]:
    """What to export of a model: network, example input, names of input and outputs, file."""
    images = torch.randn(2, 3, *size)
    if not hasattr(model, 'extract_feat') or hasattr(model, 'head'):
        return [(model, images, ['images', 'logits'], out)]
    dense = Dense(model)
    with torch.no_grad():
        levels = len(dense(images)) // len(dense.kinds)
    outputs = [f'{kind}_{level}' for kind in dense.kinds for level in range(levels)]
    parts = [(dense, images, ['images', *outputs], out)]
    if dense.two_stage:
        extractor = model.roi_head.bbox_roi_extractor
        rois = torch.randn(2, extractor.out_channels, *extractor.roi_layers[0].output_size)
        names = ['roi_features', 'cls_score', 'bbox_pred']
        parts.append((model.roi_head.bbox_head, rois, names, out.with_name(f'{out.stem}_box_head{out.suffix}')))
    return parts


def main() -> None:
    args = parse_args()
    if args.out.suffix != '.onnx':
        raise SystemExit(f'the file to write must end in .onnx, but got {args.out}')
    if not args.out.resolve().parent.is_dir():
        raise SystemExit(f'no such folder to write to: {args.out.resolve().parent}')
    try:
        model = get_model(Config.fromfile(args.config), pretrained=args.checkpoint)
    except (FileNotFoundError, ValueError) as error:
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
    for network, inputs, names, out in parts_of(model, tuple(args.size), args.out):
        difference = write(network.eval(), inputs, names, out, notes)
        print(f'{out}: {names[0]} -> {", ".join(names[1:])}; largest difference to torch {difference:.1e}')
        if not difference < TOLERANCE:
            out.unlink()
            raise SystemExit(
                f'{out} did not compute what torch computes: for another batch size than the exported '
                f'one ({len(inputs)}), they differ by {difference:.1e} of the largest output. The file '
                'was removed. Networks that work in windows (Swin) cannot be exported for any batch size.'
            )


if __name__ == '__main__':
    main()
