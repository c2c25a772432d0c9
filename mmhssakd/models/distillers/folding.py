"""Run a frozen teacher without its batch norms: they are folded into the convolutions before them."""
import copy
import logging
from itertools import chain
from typing import List, Optional

import torch
import torch.nn as nn
from mmengine.logging import print_log
from torch.nn.utils.fusion import fuse_conv_bn_eval

from mmhssakd.models.classifiers.ssa_classifier import SSAClassifier


def fold(network: nn.Module) -> nn.Module:
    """Copy a network in eval mode with its batch norms folded into the convolutions before them.

    Args:
        network (nn.Module): Not changed. Its tensors are shared by the copy, except for the folded weights.

    Returns:
        nn.Module: The copy, in eval mode and without gradients.
    """
    shared = {id(tensor): tensor for tensor in chain(network.parameters(), network.buffers())}
    folded = copy.deepcopy(network, shared)
    for parent in list(folded.modules()):
        conv = None
        for name, child in list(parent.named_children()):
            if isinstance(child, nn.BatchNorm2d) and conv is not None and child.running_mean is not None:
                setattr(parent, conv, fuse_conv_bn_eval(getattr(parent, conv), child))
                setattr(parent, name, nn.Identity())
            conv = name if isinstance(child, nn.Conv2d) else None
    return folded.requires_grad_(False).eval()


def outputs(network: nn.Module, views: torch.Tensor) -> List[torch.Tensor]:
    """All logits of a teacher, without gradient and in its own precision."""
    with torch.no_grad(), torch.autocast(views.device.type, enabled=False):
        if isinstance(network, SSAClassifier):
            logits, aux_logits = network.forward_views(views)
            return [logits, *aux_logits]
        return [network(views, mode='tensor')]


class FoldedTeacher:
    """A teacher's folded copy, made when it is first asked for and again whenever the teacher has changed.

    The copy is compared with the teacher on the first images. Where the two differ (an activation between
    convolution and batch norm, say), or cannot be folded, the teacher itself is used.

    Args:
        teacher (nn.Module): A frozen classifier in eval mode. It keeps its weights and its state dict.
    """

    def __init__(self, teacher: nn.Module) -> None:
        self.teacher = teacher
        self.reset()

    def reset(self) -> None:
        """Forget the copy; the teacher was moved or cast."""
        self.copy: Optional[nn.Module] = None
        self.tensors: List[torch.Tensor] = []
        self.version = -1

    def get(self, views: torch.Tensor) -> nn.Module:
        """Find the network to run.

        Args:
            views (Tensor): Images (rows, C, H, W), some of which serve to compare.

        Returns:
            nn.Module: The folded copy, or the teacher.
        """
        # every change in place, load_state_dict too, counts a tensor's version up
        changed = self.version != sum(tensor._version for tensor in self.tensors)
        if self.copy is None or changed or self.tensors[0].device != views.device:
            self.tensors = [*self.teacher.parameters(), *self.teacher.buffers()]
            self.version = sum(tensor._version for tensor in self.tensors)
            self.copy = self._checked_copy(views[:4])
        return self.copy

    def _checked_copy(self, views: torch.Tensor) -> nn.Module:
        folded = fold(self.teacher)
        # a wrong fold is off by far more than any rounding, TF32's included
        tolerance = 1e-7 if views.dtype == torch.float64 else 2e-2
        for ours, expected in zip(outputs(folded, views), outputs(self.teacher, views)):
            if not (ours - expected).abs().max() <= tolerance * expected.abs().max():
                print_log("The teacher's batch norms cannot be folded into its convolutions: it runs as it is, a "
                          'little slower.', logger='current', level=logging.WARNING)
                return self.teacher
        return folded
