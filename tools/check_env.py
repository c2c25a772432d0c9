"""Print the versions that mmhssakd runs on, and make one real call of an operator."""

import argparse
import importlib
import platform
import sys

PACKAGES = ('torch', 'torchvision', 'numpy', 'mmengine', 'mmcv', 'mmdet', 'mmpretrain', 'mmhssakd')
FOR_TESTS = ('pytest', 'xdist', 'hypothesis', 'timm', 'onnx', 'mkdocs')  # a few of the extras 'tests' and 'docs'


def check_opencv() -> None:
    """Import OpenCV, whose windows need libraries that small images of Linux lack."""
    try:
        importlib.import_module('cv2')
    except ImportError as error:
        sys.exit(
            f'OpenCV does not load: {error}. Install the library (Debian, Ubuntu: apt-get install libgl1 '
            'libglib2.0-0), or OpenCV without windows: pip install --force-reinstall --no-deps opencv-python-headless'
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--quiet', action='store_true', help='print nothing, only exit with 0 or 1')
    parser.add_argument('--tests', action='store_true', help='the packages of the tests must be there, too')
    args = parser.parse_args()

    check_opencv()
    importlib.import_module('mmhssakd')  # first: it says what is wrong with the others
    versions = {'python': platform.python_version()}
    versions.update((name, importlib.import_module(name).__version__) for name in PACKAGES)
    for name in FOR_TESTS if args.tests else ():
        importlib.import_module(name)

    import torch
    from mmcv.ops import nms

    from mmhssakd.compat import operators, stacks

    boxes = torch.tensor([[0.0, 0.0, 10.0, 10.0], [1.0, 1.0, 10.0, 10.0], [20.0, 20.0, 30.0, 30.0]])
    device = 'cuda' if torch.cuda.is_available() else 'cpu'
    kept = nms(boxes.to(device), torch.tensor([0.9, 0.8, 0.7]).to(device), iou_threshold=0.5)[1].tolist()
    if kept != [0, 2]:
        sys.exit(f'mmcv.ops.nms gave {kept} on {device} where [0, 2] is right: the set-up is broken, make it anew.')
    versions['stack'] = stacks.current()
    versions['operators'] = f'{operators.in_use()}; nms works'
    versions['device'] = torch.cuda.get_device_name() if device == 'cuda' else f'CPU, {torch.get_num_threads()} threads'
    if not args.quiet:
        for name, version in versions.items():
            print(f'{name:12} {version}')


if __name__ == '__main__':
    main()
