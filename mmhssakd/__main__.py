"""The package's commands: list what it has, distill a model, train a detector."""

import argparse
import fnmatch

from mmengine.registry import Registry

from mmhssakd import __version__, registry
from mmhssakd.apis import home, list_models, model_index
from mmhssakd.compat.operators import in_use
from mmhssakd.engine.launch import DictAction, natural
from mmhssakd.shortcuts import distill, finetune

REGISTRIES = {name: value for name, value in vars(registry).items() if isinstance(value, Registry)}
EXAMPLES = """examples:
  python -m mmhssakd list 'hssakd_*'
  python -m mmhssakd distill --teacher convnext_tiny --images data/mine --work-dir work_dirs/mine
  python -m mmhssakd finetune --detector faster-rcnn_r18_fpn_folder --data data/boxes \\
      --backbone work_dirs/mine/student/epoch_100.pth --work-dir work_dirs/mine/detector
"""


def list_all(pattern: str) -> None:
    """Print the registered types, and the shipped configs by family."""
    print(f"mmhssakd {__version__}; mmcv's operators: {in_use()}\n\nTypes, for type='mmhssakd.NAME' in a config:")
    for kind, components in REGISTRIES.items():
        names = fnmatch.filter(sorted(components.module_dict), pattern)
        if names:
            print(f'  {kind}: {", ".join(names)}')
    print(f'\nModels, for mmhssakd.get_model(NAME) and mim train mmhssakd NAME.py; configs are in {home()}:')
    family = None
    for name in sorted(list_models(), key=lambda name: (model_index()[name].in_collection, name)):
        entry = model_index()[name]
        if not fnmatch.fnmatch(name, pattern):
            continue
        if entry.in_collection != family:
            family = entry.in_collection
            print(f'  {family}')
        print(f'    {name:38} {entry.config}')


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        prog='python -m mmhssakd', description=__doc__, epilog=EXAMPLES, formatter_class=raw
    )
    commands = parser.add_subparsers(dest='command', metavar='{list,distill,finetune}')
    listing = commands.add_parser('list', help='list types and configs')
    listing.add_argument('pattern', nargs='?', default='*', help="names to list, such as 'hssakd_*' (default: all)")
    for name, call in (('distill', distill), ('finetune', finetune)):
        summary = str(call.__doc__).partition('\n')[0]
        command = commands.add_parser(name, help=summary, description=summary, epilog=EXAMPLES, formatter_class=raw)
        add = command.add_argument
        if name == 'distill':
            add('--teacher', required=True, help="name of a timm model, or a teacher's config file")
            add('--images', required=True, help='folder with train and val, each with one folder for each class')
            add('--student', default='hssakd_r18_imagenet', help='a shipped config (default: %(default)s)')
            add('--weights', help="the timm model's checkpoint (default: its published weights, downloaded)")
            add('--unlabelled', help='folder of more images, without labels')
            add('--epochs', type=natural, default=100, help="of the teacher's head and of the student (default: 100)")
        else:
            add('--detector', required=True, help='a shipped config, or a file')
            add('--backbone', required=True, help="the student's checkpoint")
            add('--data', required=True, help='folder of images and boxes')
        add('--work-dir', required=True, help='folder for configs, logs and checkpoints')
        add('--processes', type=natural, default=1, help='one for each GPU (default: 1)')
        add('--cfg-options', dest='options', nargs='+', action=DictAction, help='settings of the config, as key=value')
    return parser.parse_args()


def main() -> None:
    """Run a command."""
    args = vars(parse_args())
    command = args.pop('command')
    if command in (None, 'list'):
        list_all(args.get('pattern', '*'))
    else:
        print(distill(**args) if command == 'distill' else finetune(**args))


if __name__ == '__main__':
    main()
