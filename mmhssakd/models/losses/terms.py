"""From a network's outputs to what mmengine adds up (``loss_*``) and logs (shares and accuracies)."""

from typing import Dict, List, NamedTuple, Union

import torch
import torch.nn.functional as F

from mmhssakd.models.labels import Labels

Term = Union[torch.Tensor, float, List[torch.Tensor]]  # a loss, 0 if it does not count, or one share of each branch
SHARES = dict(aux='ce_q', kl_q='kl_q')


class Logits(NamedTuple):
    """What a network says to a batch of views.

    Attributes:
        p (Tensor): Logits of the main head, (B * M, N).
        q (list[Tensor]): Logits of the branches q_1 .. q_L, each (B * M, N * M).
    """

    p: torch.Tensor
    q: List[torch.Tensor]


def named_losses(weight: Dict[str, float], **terms: Term) -> Dict[str, torch.Tensor]:
    """Add up the branches' shares and weigh the terms: ``loss_<name>`` of every term that counts, and for the log the
    shares ``ce_q1``, ``kl_q1``, ..., not weighted.
    """
    losses = {}
    for name, term in terms.items():
        if isinstance(term, list):
            losses.update(numbered(SHARES[name], term))
            term = sum(term)
        if isinstance(term, torch.Tensor):
            losses[f'loss_{name}'] = weight[name] * term
    return losses


def joint_or_view_loss(q: torch.Tensor, labels: Labels) -> torch.Tensor:
    """Mean over all rows of ``CE(q_l(t_j(x)), k_j)``, for images without a label ``CE(logsumexp_y q_l(t_j(x)), j)``.

    Args:
        q (Tensor): A branch's logits, (B * M, N * M).
        labels (Labels): Of the same batch.
    """
    joint = F.cross_entropy(labels.select(q), labels.k, reduction='sum')
    views = q.unflatten(1, (-1, labels.num_views)).logsumexp(1)  # column j of the views: all classes in view j
    targets = torch.arange(labels.num_views, device=q.device).repeat(len(q) // labels.num_views)
    alone = F.cross_entropy(views, targets, reduction='none').unflatten(0, (-1, labels.num_views)).sum(1)
    return (joint + alone.sum() - alone[labels.labelled].sum()) / len(q)


@torch.no_grad()
def accuracies(logits: Logits, labels: Labels) -> Dict[str, torch.Tensor]:
    """``acc_p`` of unrotated rows, ``acc_q1`` .. ``acc_qL`` of joint labels, in percent, over images with one label;
    and the number of these, ``labelled``, if it is not all of the batch.
    """
    found = {} if labels.labelled is None else dict(labelled=torch.tensor(float(len(labels.labelled))))
    if labels.y is None or not len(labels.y):
        return found
    found['acc_p'] = accuracy(labels.select(logits.p)[:: labels.num_views], labels.y)
    return {**found, **numbered('acc_q', [accuracy(labels.select(q), labels.k) for q in logits.q])}


def accuracy(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Top-1 accuracy in percent, without leaving the device."""
    return (logits.argmax(1) == labels).float().mean() * 100


def numbered(prefix: str, values: List[torch.Tensor]) -> Dict[str, torch.Tensor]:
    """Number values from 1, detached: ``{prefix}1``, ``{prefix}2``, ..."""
    return {f'{prefix}{i}': value.detach() for i, value in enumerate(values, start=1)}
