"""Export the backbone of a checkpoint to mmpretrain, torchvision or timm: weights alone, nothing pickled but tensors.

    python tools/model_converters/export_backbone.py work_dirs/hssakd_r18_imagenet/epoch_100.pth r18.safetensors \\
        --format torchvision
"""

import argparse
from pathlib import Path

import torch
from safetensors.torch import save_file

from mmhssakd.converters.export import FORMATS, export_backbone, resnet_name
from mmhssakd.weights.checkpoint import read_state_dict

HOW_TO_LOAD = dict(
    mmpretrain="init_cfg=dict(type='Pretrained', checkpoint='{out}', prefix='backbone.')  # a .pth file",
    torchvision='torchvision.models.{name}().load_state_dict(tensors, strict=False)  # fc stays at random',
    timm="timm.create_model('{name}', num_classes=0).load_state_dict(tensors)",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('checkpoint', help='checkpoint of a classifier, a distiller or a detector')
    parser.add_argument('out', type=Path, help='.safetensors (added when there is no suffix), or .pth')
    parser.add_argument('--format', choices=FORMATS, required=True, help='library whose names the tensors get')
    args = parser.parse_args()
    out = args.out if args.out.suffix else args.out.with_suffix('.safetensors')
    if out.suffix not in ('.safetensors', '.pth'):
        parser.error(f'OUT must end in .safetensors or .pth, but got {out}')

    try:
        tensors = export_backbone(read_state_dict(args.checkpoint, 'CKPT'), args.format)
    except (ValueError, FileNotFoundError) as error:
        parser.exit(1, f'{error}\n')
    out.parent.mkdir(parents=True, exist_ok=True)
    if out.suffix == '.pth':
        torch.save(dict(state_dict=tensors) if args.format == 'mmpretrain' else tensors, out)
    else:
        save_file({name: value.clone() for name, value in tensors.items()}, out)
    print(f'{out}: {len(tensors)} tensors\n{HOW_TO_LOAD[args.format].format(out=out, name=resnet_name(tensors))}')


if __name__ == '__main__':
    main()
