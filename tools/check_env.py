"""Print the versions that mmhssakd runs on, and make one real call of a compiled mmcv operator."""

import argparse
import importlib
import platform
import sys


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--quiet', action='store_true', help='print nothing, only exit with 0 or 1')
    args = parser.parse_args()

    versions = {'python': platform.python_version()}
    for name in ('torch', 'torchvision', 'numpy', 'mmengine', 'mmcv', 'mmdet', 'mmpretrain', 'mmhssakd'):
        versions[name] = importlib.import_module(name).__version__

    import torch
    from mmcv.ops import nms

    boxes = torch.tensor([[0.0, 0.0, 10.0, 10.0], [1.0, 1.0, 10.0, 10.0], [20.0, 20.0, 30.0, 30.0]])
    kept = nms(boxes, torch.tensor([0.9, 0.8, 0.7]), iou_threshold=0.5)[1].tolist()
    if kept != [0, 2]:
        sys.exit(f'mmcv.ops.nms gave {kept} where [0, 2] is right: rebuild mmcv (bash tools/setup_env.sh).')
    if torch.cuda.is_available():
        versions['device'] = torch.cuda.get_device_name()
        nms(boxes.cuda(), torch.tensor([0.9, 0.8, 0.7]).cuda(), iou_threshold=0.5)
    else:
        versions['device'] = f'CPU, {torch.get_num_threads()} threads'
    if not args.quiet:
        for name, version in versions.items():
            print(f'{name:12} {version}')
        print(f'{"mmcv.ops":12} nms works')


if __name__ == '__main__':
    main()
