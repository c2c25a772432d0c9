"""Print what a config's model costs: parameters and FLOPs of the network, of each branch and of the teacher."""

import argparse
import os.path as osp
from typing import List, Tuple

import torch
import torch.nn as nn
from mmengine.config import Config, DictAction
from torch.utils.flop_counter import FlopCounterMode

from mmhssakd.models.classifiers import SSAClassifier
from mmhssakd.models.distillers.teacher import read_model_config
from mmhssakd.models.necks.features import to_map
from mmhssakd.registry import MODELS

Row = Tuple[str, int, int]  # what, parameters, FLOPs of one image (one per multiplication with addition)


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config', help='config file of a teacher, a student or an online run')
    parser.add_argument('--size', type=int, default=224, help='side of the images (32 for CIFAR)')
    parser.add_argument('--cfg-options', nargs='+', action=DictAction, help='settings that replace those of the config')
    return parser.parse_args()


def rows_of(model: nn.Module, size: int, whose: str = '') -> List[Row]:
    """Cost of a classifier's network and of each of its branches."""
    image = torch.zeros(1, 3, size, size)
    network = [part for part in (model.backbone, model.neck, model.head) if part is not None]
    parts = [('backbone and head', network, model.eval(), image)]
    if isinstance(model, SSAClassifier) and model.auxiliary_neck is not None:
        neck = model.auxiliary_neck
        with torch.no_grad(), neck.tap(model.backbone) as features:
            model.backbone(image)
        for i, (tap, branch) in enumerate(zip(neck.taps, neck.branches), start=1):
            parts.append((f'branch {i} after {tap}', [branch], branch, to_map(features[tap], tap)))
    rows = []
    for what, modules, forward, inputs in parts:
        with torch.no_grad(), FlopCounterMode(display=False) as counter:
            forward(inputs)
        params = sum(parameter.numel() for module in modules for parameter in module.parameters())
        rows.append((whose + what, params, counter.get_total_flops() // 2))  # torch counts two
    return rows


def training_cost(model: nn.Module, own: List[Row], teacher: List[Row]) -> float:
    """FLOPs of a training step against cross-entropy alone; a backward pass counts twice its forward pass."""
    forward = sum(flops for _, _, flops in own)
    backward = forward - own[0][2] if getattr(model, 'frozen', False) else forward
    views = getattr(model, 'num_views', 1)
    return views * (forward + 2 * backward + sum(flops for _, _, flops in teacher)) / (3 * own[0][2])


def main() -> None:
    args = parse_args()
    if not osp.isfile(args.config):
        raise SystemExit(f'no such config file: {args.config}')
    cfg = Config.fromfile(args.config)
    cfg.merge_from_dict(args.cfg_options or {})
    teacher = cfg.model.pop('teacher', None)
    model = MODELS.build(cfg.model)
    if not hasattr(model, 'head') and not hasattr(model, 'peers'):
        raise SystemExit(f'{args.config} describes a {type(model).__name__}: costs are counted for classifiers.')
    networks = list(getattr(model, 'peers', [model]))
    names = [f'peer {i}: ' for i in range(len(networks))] if len(networks) > 1 else ['']
    own = [rows_of(network, args.size, name) for network, name in zip(networks, names)]
    taught = [] if teacher is None else rows_of(MODELS.build(read_model_config(teacher.config)), args.size, 'teacher: ')
    if getattr(model, 'auxiliary_neck', True) is None:
        taught = taught[:1]  # plain KD does not run the teacher's branches
    print(f'{"part":45s}{"parameters (M)":>16s}{"GFLOPs":>10s}')
    for what, params, flops in [row for rows in own for row in rows] + taught:
        print(f'{what:45s}{params / 1e6:16.3f}{flops / 1e9:10.4f}')
    ratio = sum(training_cost(network, rows, taught) for network, rows in zip(networks, own))
    print(
        f'Training costs {ratio:.1f} times the FLOPs of cross-entropy alone (views, branches, teacher, peers); '
        'inference runs backbone and head only, at unchanged cost.'
    )


if __name__ == '__main__':
    main()
