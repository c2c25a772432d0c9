"""The terms of docs/method.md written down plainly: the training step that every other variant is measured against.

It is how research code looks: rotated views stacked by hand, the student first, the teacher under ``no_grad`` beside
the student's kept activations, one KL divergence after the other, numbers read out in every step, NCHW.
"""

from typing import Dict, List, Tuple

import torch
import torch.nn as nn
import torch.nn.functional as F

NUM_VIEWS, TAU = 4, 3.0
Logits = Tuple[torch.Tensor, List[torch.Tensor]]


class PlainNetwork(nn.Module):
    """A residual network with a classifier after each stage.

    Args:
        model (nn.Module): One of our classifiers on an mmpretrain ResNet, whose layers are called here one by one.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        backbone = model.backbone
        stem = [backbone.conv1, backbone.norm1, backbone.relu]
        if hasattr(backbone, 'maxpool'):  # the CIFAR networks have none
            stem.append(backbone.maxpool)
        self.stem = nn.Sequential(*stem)
        self.stages = nn.ModuleList(getattr(backbone, name) for name in backbone.res_layers)
        self.fc = model.head.fc
        self.branches = nn.ModuleList(branch.stages for branch in model.auxiliary_neck.branches)
        self.branch_fcs = nn.ModuleList(branch.fc for branch in model.auxiliary_neck.branches)

    def forward(self, x: torch.Tensor) -> Logits:
        """Logits of p and of q_1 .. q_L of images (rows, 3, H, W)."""
        x = self.stem(x)
        features = []
        for stage in self.stages:
            x = stage(x)
            features.append(x)
        logits = self.fc(x.mean((2, 3)))
        aux_logits = [
            fc(branch(feature).mean((2, 3))) for feature, branch, fc in zip(features, self.branches, self.branch_fcs)
        ]
        return logits, aux_logits


def stack_views(images: torch.Tensor) -> torch.Tensor:
    """Views (B * 4, C, H, H) of images (B, C, H, H), each turned by 90 degrees more."""
    views = torch.stack([torch.rot90(images, j, (2, 3)) for j in range(NUM_VIEWS)], 1)
    return views.view(-1, *images.shape[1:])


def kl(student: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
    """``tau^2 KL(teacher || student)`` of logits (rows, K), averaged over the rows."""
    log_p, q = F.log_softmax(student / TAU, dim=1), F.softmax(teacher / TAU, dim=1)
    return F.kl_div(log_p, q, reduction='batchmean') * TAU**2


def losses(
    student: nn.Module, teacher: nn.Module, images: torch.Tensor, labels: torch.Tensor
) -> Tuple[Dict[str, torch.Tensor], Logits]:
    """L_task, L_kl_q and L_kl_p of a batch (B, C, H, H) with labels (B, ), and the student's logits."""
    views = stack_views(images)
    logits, aux_logits = student(views)
    with torch.no_grad():
        teacher_logits, teacher_aux_logits = teacher(views)
    loss_task = F.cross_entropy(logits[::NUM_VIEWS], labels)
    loss_kl_q = torch.zeros((), dtype=images.dtype, device=images.device)
    for ours, theirs in zip(aux_logits, teacher_aux_logits):
        loss_kl_q = loss_kl_q + kl(ours, theirs.detach())
    loss_kl_p = kl(logits, teacher_logits.detach())
    return dict(loss_task=loss_task, loss_kl_q=loss_kl_q, loss_kl_p=loss_kl_p), (logits, aux_logits)


def correct(logits: torch.Tensor, labels: torch.Tensor) -> List[float]:
    """Number of rows whose label is the first, or among the first five."""
    hits = logits.topk(5, 1).indices == labels[:, None]
    return [hits[:, :k].float().sum().item() for k in (1, 5)]


def step(
    student: nn.Module, teacher: nn.Module, optimizer: torch.optim.Optimizer, images: torch.Tensor, labels: torch.Tensor
) -> Dict[str, float]:
    """One training step; returns its loss terms and accuracies as numbers."""
    joint = torch.stack([NUM_VIEWS * labels + j for j in range(NUM_VIEWS)], 1).view(-1)
    optimizer.zero_grad()
    terms, (logits, aux_logits) = losses(student, teacher, images, labels)
    loss = sum(terms.values())
    loss.backward()
    optimizer.step()
    log = dict({name: value.item() for name, value in terms.items()}, loss=loss.item())
    log['top1'], log['top5'] = correct(logits[::NUM_VIEWS], labels)
    for i, q in enumerate(aux_logits, start=1):
        log[f'top1_q{i}'], log[f'top5_q{i}'] = correct(q, joint)
    return log
