"""Turn a checkpoint of the paper's released code into one of ours, for students, teachers and online pairs."""

import argparse
import os.path as osp
import pickle

import torch

import mmhssakd
from mmhssakd.utils.checkpoint import save_atomically
from mmhssakd.utils.hsakd import import_hsakd


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('src', help='checkpoint of the released code: dict(net=...) or a bare state dict')
    parser.add_argument('dst', help='file to write')
    return parser.parse_args()


def read_released(path: str) -> dict:
    """Read the tensors of a released checkpoint under safe loading.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is no checkpoint, or holds more than tensors and plain values.
    """
    if not osp.isfile(path):
        raise FileNotFoundError(f'no such checkpoint: {path}')
    try:
        content = torch.load(path, map_location='cpu', weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError) as error:
        raise ValueError(f'{path} is no checkpoint that can be loaded safely: {error}') from None
    tensors = content.get('net', content) if isinstance(content, dict) else None
    if (
        not tensors
        or not isinstance(tensors, dict)
        or not all(isinstance(value, torch.Tensor) for value in tensors.values())
    ):
        raise ValueError(f'{path} holds no state dict of tensors, neither bare nor as "net".')
    return tensors


def describe(model: dict) -> str:
    """Say in one line which network a model config stands for."""
    if 'peers' in model:
        return 'online pair: ' + '; '.join(describe(peer) for peer in model['peers'])
    options = ', '.join(f'{key}={value}' for key, value in model['backbone'].items() if key != 'type')
    return f'{model["backbone"]["type"]}({options}), {model["head"]["num_classes"]} classes'


def main() -> None:
    args = parse_args()
    try:
        state_dict, model = import_hsakd(read_released(args.src))
        meta = dict(source=osp.basename(args.src), model=model, mmhssakd_version=mmhssakd.__version__)
        save_atomically(dict(state_dict=state_dict, meta=meta), args.dst)
    except (OSError, ValueError) as error:
        raise SystemExit(f'import_hsakd: {error}') from None
    print(
        f'Recognised {describe(model)}: {len(state_dict)} tensors written to {args.dst}.\n'
        f'As a teacher: --cfg-options model.teacher.checkpoint={args.dst}\n'
        f'To test it:   python tools/test.py CONFIG {args.dst}\n'
        f'The model that it fits: {model}'
    )


if __name__ == '__main__':
    main()
