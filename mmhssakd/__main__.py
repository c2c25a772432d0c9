"""List what mmhssakd has: python -m mmhssakd [PATTERN]"""

import argparse
import fnmatch

from mmengine.registry import Registry

from mmhssakd import __version__, registry
from mmhssakd.apis import home, list_models, model_index
from mmhssakd.compat.operators import in_use

REGISTRIES = {name: value for name, value in vars(registry).items() if isinstance(value, Registry)}


def main() -> None:
    """Print the registered types, and the shipped configs by family."""
    parser = argparse.ArgumentParser(prog='python -m mmhssakd', description='List what mmhssakd has.')
    parser.add_argument('pattern', nargs='?', default='*', help="names to list, such as 'hssakd_*' (default: all)")
    pattern = parser.parse_args().pattern

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


if __name__ == '__main__':
    main()
