"""Turn a checkpoint of the paper's released code into one of ours, for students, teachers and online pairs."""

import argparse
import os.path as osp

import mmhssakd
from mmhssakd.converters.hsakd import import_hsakd
from mmhssakd.weights.checkpoint import read_state_dict
from mmhssakd.weights.files import save_atomically


def describe(model: dict) -> str:
    """Say in one line which network a model config stands for."""
    if 'peers' in model:
        return 'online pair: ' + '; '.join(describe(peer) for peer in model['peers'])
    options = ', '.join(f'{key}={value}' for key, value in model['backbone'].items() if key != 'type')
    return f'{model["backbone"]["type"]}({options}), {model["head"]["num_classes"]} classes'


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('src', help='checkpoint of the released code: dict(net=...) or a bare state dict')
    parser.add_argument('dst', help='file to write')
    args = parser.parse_args()
    try:
        state_dict, model = import_hsakd(read_state_dict(args.src, 'src', key='net'))
        meta = dict(source=osp.basename(args.src), model=model, mmhssakd_version=mmhssakd.__version__)
        save_atomically(dict(state_dict=state_dict, meta=meta), args.dst)
    except (OSError, ValueError) as error:
        raise SystemExit(f'import_hsakd: {error}') from None
    print(
        f'Recognized {describe(model)}: {len(state_dict)} tensors written to {args.dst}.\n'
        f'As a teacher: --cfg-options model.teacher.checkpoint={args.dst}\n'
        f'To test it:   python tools/test.py CONFIG {args.dst}\n'
        f'The model that it fits: {model}'
    )


if __name__ == '__main__':
    main()
