"""Train step by step beside the method in plain float64 torch, and see what rounding does to runs left alone.

    python tests/slow/numerics.py --steps 1000

The first lines compare losses, gradients, and the weights, buffers and momentum after a step, which then starts from
the package's weights again. The last ones let runs of several precisions go on from one start.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Callable, Iterator

import torch

sys.path[:0] = [str(Path(__file__).parents[1] / 'helpers')]

import plain_method as plain  # noqa: E402
import small  # noqa: E402

import mmhssakd  # noqa: E402, F401
from mmhssakd.registry import MODELS, OPTIM_WRAPPERS  # noqa: E402

SGD = dict(lr=0.05, momentum=0.9, weight_decay=5e-4)
KINDS = ('student', 'online')


def build(kind: str, folder: Path) -> torch.nn.Module:
    """A distiller in float32 with a teacher that is no fresh network, or two peers."""
    torch.manual_seed(0)
    if kind == 'online':
        return MODELS.build(dict(type='OnlineHSSAKD', peers=[small.config(), small.config()]))
    teacher = MODELS.build(small.config())
    for name, value in teacher.state_dict().items():
        if 'running' in name:
            value.uniform_(0.5, 1.5) if name.endswith('var') else value.normal_(std=0.1)
        elif name.endswith('fc.weight'):
            value *= 20  # a teacher that is sure of what it says
    torch.save(dict(state_dict=teacher.state_dict()), folder / 'teacher.pth')
    options = dict(teacher=dict(config=small.config(), checkpoint=str(folder / 'teacher.pth')))
    return MODELS.build(small.config(type='HSSAKD', **options))


def batches(steps: int) -> Iterator[tuple]:
    """Batches of 8 out of 64 random images, 8 pixels wide, with labels."""
    chance = torch.Generator().manual_seed(1)
    images = torch.randn(64, 3, 8, 8, generator=chance, dtype=torch.float64)
    for _ in range(steps):
        numbers = torch.randint(64, (8,), generator=chance)
        yield images[numbers], numbers % 10


class Package:
    """The package's training: distiller, optimizer wrapper and SGD."""

    def __init__(self, model: torch.nn.Module, wrapper: str = 'OptimWrapper') -> None:
        self.model, self.gradients = model.train(), {}
        optimizer = torch.optim.SGD(model.parameters(), **SGD)
        optimizer.register_step_pre_hook(lambda *_: self.gradients.update(self.now('grad')))
        self.wrapper = OPTIM_WRAPPERS.build(dict(type=wrapper, optimizer=optimizer))
        self.dtype = next(model.parameters()).dtype

    def now(self, what: str) -> dict:
        return {name: getattr(value, what).clone() for name, value in self.model.named_parameters()}

    def step(self, images: torch.Tensor, labels: torch.Tensor) -> dict:
        with self.wrapper.optim_context(self.model):
            losses = self.model(images.to(self.dtype), small.samples(labels), mode='loss')
        self.wrapper.update_params(self.model.parse_losses(losses)[0])
        return {name: value.detach() for name, value in losses.items() if name.startswith('loss')}

    def state(self) -> dict:
        return {name: value for name, value in self.model.state_dict().items() if 'num_batches' not in name}


class Plain:
    """The same with what docs/method.md says; starts from the package's weights, in float64."""

    def __init__(self, model: torch.nn.Module) -> None:
        self.net, self.speed, self.gradients = {}, {}, {}
        trained = dict(model.named_parameters())
        for name, value in model.state_dict().items():
            self.net[name] = value.detach().clone().double().requires_grad_(name in trained)
        if hasattr(model, 'peers'):
            # views of the same tensors, under the names that a network has by itself
            peers = [
                {name[8:]: value for name, value in self.net.items() if name.startswith(f'peers.{i}.')} for i in (0, 1)
            ]
            self.losses: Callable = lambda x, y: plain.online_losses(x, y, peers)
        else:
            teacher = {name: value.double() for name, value in model.teacher.state_dict().items()}
            self.losses = lambda x, y: plain.student_losses(x, y, self.net, teacher)

    def step(self, images: torch.Tensor, labels: torch.Tensor) -> dict:
        losses = self.losses(images, labels)
        self.gradients = plain.sgd_step(losses, self.net, self.speed, **SGD)
        return {name: value.detach() for name, value in losses.items()}

    def state(self) -> dict:
        return {name: value.detach() for name, value in self.net.items() if 'num_batches' not in name}


def gap(found: dict, expected: dict) -> float:
    """The largest relative difference of two dicts' tensors, by their norms."""
    assert found.keys() == expected.keys(), found.keys() ^ expected.keys()
    return max(((found[k].double() - v).norm() / v.norm()).item() for k, v in expected.items())


def compare(kind: str, steps: int, folder: Path) -> dict:
    """The largest relative differences in so many steps, each from the same weights."""
    model = build(kind, folder).double()
    ours, theirs = Package(model), Plain(model)
    worst, first = dict.fromkeys(('losses', 'gradients', 'state', 'momentum'), 0.0), None
    for images, labels in batches(steps):
        losses, expected = ours.step(images, labels), theirs.step(images, labels)
        first = first or {name: value.item() for name, value in losses.items()}
        momentum = ours.wrapper.optimizer.state
        speed = {name: momentum[value]['momentum_buffer'] for name, value in model.named_parameters()}
        for name, pair in dict(
            losses=(losses, expected),
            gradients=(ours.gradients, theirs.gradients),
            state=(ours.state(), theirs.state()),
            momentum=(speed, theirs.speed),
        ).items():
            worst[name] = max(worst[name], gap(*pair))
        with torch.no_grad():
            for name, value in ours.state().items():
                theirs.net[name].copy_(value)
    last = {name: value.item() for name, value in losses.items()}
    return dict(kind=kind, steps=steps, worst=worst, first=first, last=last)


def drift(kind: str, steps: int, folder: Path) -> Iterator[dict]:
    """How far runs get from the package's in float64: the weights, all together, and the sum of the losses."""
    runs = dict(
        float64=Package(build(kind, folder).double()),
        plain=Plain(build(kind, folder)),
        float32=Package(build(kind, folder)),
        bfloat16=Package(build(kind, folder), 'BF16OptimWrapper'),
    )
    for number, batch in enumerate(batches(steps), start=1):
        sums = {name: sum(run.step(*batch).values()).item() for name, run in runs.items()}
        if number in (1, 10, 100, 1000, steps):
            flat = {name: torch.cat([v.double().flatten() for v in run.state().values()]) for name, run in runs.items()}
            for name in ('plain', 'float32', 'bfloat16'):
                weights = (flat[name] - flat['float64']).norm() / flat['float64'].norm()
                loss = abs(sums[name] / sums['float64'] - 1)
                yield dict(kind=kind, run=name, step=number, weights=f'{weights:.1e}', loss=f'{loss:.1e}')


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--steps', type=int, default=1000)
    args = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        found = [compare(kind, args.steps, Path(folder)) for kind in KINDS]
        for line in found:
            print(json.dumps(line), flush=True)
        for line in drift('student', args.steps, Path(folder)):
            print(json.dumps(line), flush=True)
    if max(max(line['worst'].values()) for line in found) > 1e-9:
        sys.exit('Steps of the package and of the plain method differ by more than 1e-9.')


if __name__ == '__main__':
    main()
