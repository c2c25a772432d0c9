"""HSSAKD in plain torch, written from docs/method.md alone and using nothing of the package: what its steps must equal.

A network is a dict of tensors, as in a state dict: a CIFAR ResNet of depth 8, its head and its branches. A step changes
them in place.
"""

import torch
import torch.nn.functional as F

TAU, M = 3, 4


def norm(x: torch.Tensor, net: dict, name: str, train: bool) -> torch.Tensor:
    mean, var = net[f'{name}.running_mean'], net[f'{name}.running_var']
    if train:
        rows = x.transpose(0, 1).flatten(1)
        for kept, found in ((mean, rows.mean(1)), (var, rows.var(1))):
            kept.copy_(0.9 * kept + 0.1 * found.detach())
        mean, var = rows.mean(1), rows.var(1, unbiased=False)
    scale, shift, mean, var = (v[:, None, None] for v in (net[f'{name}.weight'], net[f'{name}.bias'], mean, var))
    return scale * (x - mean) / (var + 1e-5).sqrt() + shift


def block(x: torch.Tensor, net: dict, name: str, stride: int, train: bool) -> torch.Tensor:
    y = norm(F.conv2d(x, net[f'{name}.conv1.weight'], stride=stride, padding=1), net, f'{name}.bn1', train).relu()
    y = norm(F.conv2d(y, net[f'{name}.conv2.weight'], padding=1), net, f'{name}.bn2', train)
    if f'{name}.downsample.0.weight' in net:
        x = norm(F.conv2d(x, net[f'{name}.downsample.0.weight'], stride=stride), net, f'{name}.downsample.1', train)
    return (x + y).relu()


def linear(x: torch.Tensor, net: dict, name: str) -> torch.Tensor:
    return x.mean((2, 3)) @ net[f'{name}.weight'].T + net[f'{name}.bias']


def logits(x: torch.Tensor, net: dict, train: bool) -> tuple:
    """p, and q_1 .. q_3: a branch is the rest of the stages, the last one the last stage at stride 1."""
    x = norm(F.conv2d(x, net['backbone.conv1.weight'], padding=1), net, 'backbone.bn1', train).relu()
    q = []
    for stage, stride, rest in ((1, 1, (2, 2)), (2, 2, (2,)), (3, 2, (1,))):
        x = y = block(x, net, f'backbone.layer{stage}.0', stride, train)
        branch = f'auxiliary_neck.branches.{stage - 1}'
        for i, later in enumerate(rest):
            y = block(y, net, f'{branch}.stages.{i}.0', later, train)
        q.append(linear(y, net, f'{branch}.fc'))
    return linear(x, net, 'head.fc'), q


def views(x: torch.Tensor) -> torch.Tensor:
    """Row 4b + j is image b, turned j times by 90 degrees counterclockwise: its last column becomes the first row."""
    turned = [x]
    for _ in range(M - 1):
        turned.append(turned[-1].flip(3).transpose(2, 3))
    return torch.cat([image for images in zip(*turned) for image in images]).view(len(x) * M, *x.shape[1:])


def cross_entropy(z: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    return (z.exp().sum(1).log() - z[range(len(z)), labels]).mean()


def mimicry(student: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
    p, p_teacher = ((z / TAU).softmax(1) for z in (student, teacher.detach()))
    return TAU**2 * (p_teacher * (p_teacher.log() - p.log())).sum() / len(p)


def teacher_losses(p: torch.Tensor, q: list, y: torch.Tensor) -> dict:
    joint = torch.tensor([M * int(label) + j for label in y for j in range(M)])
    return dict(loss_task=cross_entropy(p[::M], y), loss_aux=sum(cross_entropy(q_l, joint) for q_l in q))


def mimicry_losses(p: torch.Tensor, q: list, p_other: torch.Tensor, q_other: list) -> dict:
    return dict(loss_kl_q=sum(map(mimicry, q, q_other)), loss_kl_p=mimicry(p, p_other))


def student_losses(x: torch.Tensor, y: torch.Tensor, net: dict, teacher: dict) -> dict:
    """``L_student``."""
    x = views(x)
    p, q = logits(x, net, train=True)
    return dict(loss_task=cross_entropy(p[::M], y), **mimicry_losses(p, q, *logits(x, teacher, train=False)))


def online_losses(x: torch.Tensor, y: torch.Tensor, nets: list) -> dict:
    """``L_online`` of two peers."""
    said = [logits(views(x), net, train=True) for net in nets]
    parts = [teacher_losses(*own, y) | mimicry_losses(*own, *other) for own, other in zip(said, reversed(said))]
    return {name: sum(part[name] for part in parts) for name in parts[0]}


def sgd_step(losses: dict, net: dict, speed: dict, lr: float, momentum: float, weight_decay: float) -> dict:
    """One step of SGD with momentum on the losses' sum; returns the gradients by name."""
    names = [name for name, value in net.items() if value.requires_grad]
    found = dict(zip(names, torch.autograd.grad(sum(losses.values()), [net[name] for name in names])))
    with torch.no_grad():
        for name, gradient in found.items():
            speed[name] = momentum * speed.get(name, 0) + gradient + weight_decay * net[name]
            net[name] -= lr * speed[name]
    return found
