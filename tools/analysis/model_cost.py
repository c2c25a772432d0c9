"""Print what a config's model costs: parameters, FLOPs and memory, all computed, nothing measured."""

import argparse
import os.path as osp
import weakref
from typing import Any, Callable, Dict, Iterable, List, Tuple

import torch
import torch.nn as nn
from mmengine.config import Config
from mmengine.optim import OptimWrapper, build_optim_wrapper
from mmpretrain.structures import DataSample
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

from mmhssakd.engine.launch import DictAction, natural
from mmhssakd.models.classifiers import SSAClassifier
from mmhssakd.models.distillers.teacher import match_branches, read_model_config
from mmhssakd.models.necks.features import to_map
from mmhssakd.registry import MODELS

Row = Tuple[str, int, int]  # what, parameters, multiply-adds of one image


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config', help='config file of a teacher, a student or an online run')
    parser.add_argument('--size', type=natural, default=224, help='side of the images (32 for CIFAR)')
    parser.add_argument('--batch-size', type=natural, help="images of a GPU in a training step (default: the config's)")
    parser.add_argument('--tflops', type=float, default=100, help='TFLOP/s that the GPU reaches at most')
    parser.add_argument('--images', type=natural, default=1281167, help="images of an epoch (default: ImageNet's)")
    parser.add_argument('--cfg-options', nargs='+', action=DictAction, help='settings that replace those of the config')
    return parser.parse_args()


def build(cfg: Config) -> nn.Module:
    """Build a config's model and its teacher, without any checkpoint."""
    model = MODELS.build(read_model_config(cfg))
    if getattr(model, 'teacher_config', None):
        teacher = MODELS.build(read_model_config(model.teacher_config['config']))
        model.branch_map = match_branches(model, teacher, model.branch_map)
        model.__dict__['teacher'] = teacher.requires_grad_(False).eval()  # its place once it is built
    return model


def rows_of(model: nn.Module, size: int, whose: str = '') -> List[Row]:
    """Cost of a classifier's network and of each of its branches; the model is in eval mode then."""
    image = torch.zeros(1, 3, size, size, device=next(model.parameters()).device)
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


class Memory(TorchDispatchMode):
    """Follows the bytes of tensors inside the ``with`` block; tells the ``parameters``' gradients apart at the peak."""

    def __init__(self, parameters: Iterable[nn.Parameter] = ()) -> None:
        super().__init__()
        self.parameters, self.known = list(parameters), set()
        self.now = self.peak = self.gradients = 0

    def add(self, tensors: Iterable[Any]) -> int:
        """Count the memory of tensors that is not counted yet; returns how many bytes that is."""
        before = self.now
        for storage in [tensor.untyped_storage() for tensor in tensors if isinstance(tensor, torch.Tensor)]:
            if id(storage) not in self.known:  # views share the object, which lives as long as any of them
                self.known.add(id(storage))
                self.now += storage.nbytes()
                weakref.finalize(storage, self._free, id(storage), storage.nbytes())
        return self.now - before

    def _free(self, key: int, size: int) -> None:
        self.known.discard(key)
        self.now -= size

    def __torch_dispatch__(self, func: Callable, types: Any, args: tuple = (), kwargs: Any = None) -> Any:
        result = func(*args, **kwargs or {})
        self.add(result if isinstance(result, (tuple, list)) else [result])
        if self.now > self.peak:
            self.peak = self.now
            self.gradients = sum(p.grad.nbytes for p in self.parameters if p.grad is not None)
        return result


def make_step(model: nn.Module, cfg: Config, size: int, batch_size: int) -> Tuple[Callable, OptimWrapper, torch.Tensor]:
    """The config's training step on empty images: what does it when called, its optimizer, the images."""
    wrapper = build_optim_wrapper(model.train(), cfg.optim_wrapper)
    device = next(model.parameters()).device
    images = torch.zeros(batch_size, 3, size, size, dtype=torch.uint8, device=device)
    label = torch.zeros(1, dtype=torch.long, device=device)
    data = dict(inputs=images, data_samples=[DataSample().set_gt_label(label) for _ in range(batch_size)])
    return lambda: model.train_step(data, wrapper), wrapper, images


def cost_of_step(model: nn.Module, cfg: Config, size: int, batch_size: int) -> Tuple[int, Dict[str, int]]:
    """FLOPs of a training step, and its bytes by parts when it needs most."""
    step, wrapper, images = make_step(model, cfg, size, batch_size)
    with FlopCounterMode(display=False) as counter:  # not around the step below, since it holds tensors for a while
        step()  # makes the optimizer's state
    memory, teacher, parts = Memory(model.parameters()), model.__dict__.get('teacher'), {}
    parts['parameters and buffers'] = memory.add([*model.parameters(), *model.buffers()])
    parts['optimizer state'] = memory.add(v for state in wrapper.optimizer.state.values() for v in state.values())
    if teacher:
        parts["teacher's weights"] = memory.add([*teacher.parameters(), *teacher.buffers()])
    memory.add([images])
    with memory:
        step()
    parts['gradients'] = memory.gradients
    parts['activations'] = memory.peak - sum(parts.values())
    parts['all'] = memory.peak
    if teacher:
        views = model.make_views(images.float())
        with Memory() as passing:
            model.teach(views)
        parts["for a moment, the teacher's activations"] = passing.peak
    parts["besides, with several GPUs: DDP's buckets"] = sum(p.nbytes for p in model.parameters() if p.requires_grad)
    return counter.get_total_flops(), parts


def costs_of(model: nn.Module, cfg: Config, args: argparse.Namespace) -> Dict[str, float]:
    """What a training step costs, by what is printed."""
    batch_size, epochs = args.batch_size or cfg.train_dataloader.batch_size, cfg.train_cfg.get('max_epochs')
    flops, parts = cost_of_step(model, cfg, args.size, batch_size)
    speed = args.tflops * 1e12 / (flops / batch_size)
    costs = {'GFLOPs an image, training': flops / batch_size / 1e9}
    costs.update((f'MiB, batch {batch_size}: {what}', size / 2**20) for what, size in parts.items())
    costs[f'images/s at most, at {args.tflops:g} TFLOP/s'] = speed
    if epochs:
        costs[f'GPU hours at least, {epochs} x {args.images} images'] = epochs * args.images / speed / 3600
    return costs


def main() -> None:
    args = parse_args()
    if not osp.isfile(args.config):
        raise SystemExit(f'no such config file: {args.config}')
    cfg = Config.fromfile(args.config)
    cfg.merge_from_dict(args.cfg_options or {})
    model = build(cfg).to('meta')  # tensors without data: shapes are computed, and nothing else
    if not hasattr(model, 'head') and not hasattr(model, 'peers'):
        raise SystemExit(f'{args.config} describes a {type(model).__name__}: costs are counted for classifiers.')
    networks = list(getattr(model, 'peers', [model]))
    names = [f'peer {i}: ' for i in range(len(networks))] if len(networks) > 1 else ['']
    own = [rows_of(network, args.size, name) for network, name in zip(networks, names)]
    teacher = model.__dict__.get('teacher')
    taught = rows_of(teacher, args.size, 'teacher: ') if teacher else []
    if getattr(model, 'auxiliary_neck', True) is None:
        taught = taught[:1]  # plain KD does not run the teacher's branches
    print(f'{"part":45s}{"parameters (M)":>16s}{"GMACs":>10s}')
    for what, params, macs in [row for rows in own for row in rows] + taught:
        print(f'{what:45s}{params / 1e6:16.3f}{macs / 1e9:10.4f}')
    inference = 2 * sum(rows[0][2] for rows in own) / 1e9
    costs = {'GFLOPs an image, inference': inference}
    if taught:
        costs["GFLOPs an image, training: the teacher's"] = 2 * model.num_views * sum(row[2] for row in taught) / 1e9
    costs.update(costs_of(model, cfg, args))
    print('\nComputed, not measured. One MAC, a multiplication with addition, is two FLOPs.')
    for what, value in costs.items():
        print(f'{what:60s}{value:12.{2 if value < 1000 else 0}f}')
    ratio = costs['GFLOPs an image, training'] * len(own) / (3 * inference)  # a backward pass counts twice
    print(
        f'Training costs {ratio:.1f} times the FLOPs of cross-entropy alone (views, branches, teacher, peers); '
        'inference runs backbone and head only, at unchanged cost.'
    )


if __name__ == '__main__':
    main()
