"""Class activation maps: where a network finds the class."""

from typing import List, Sequence

import torch
import torch.nn.functional as F
from matplotlib.figure import Figure

from .predictions import Images, Network, displayed
from .style import new_figure, show_image


def grad_cam(network: Network, inputs: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Grad-CAM of the backbone's last feature map for given classes.

    Args:
        network (Network): A classifier whose backbone returns feature maps.
        inputs (Tensor): Normalized images, (B, C, H, W).
        labels (Tensor): The class to look for in each, (B, ).

    Returns:
        Tensor: Maps (B, H, W) from 0 to 1; all 0 where nothing speaks for the class.

    Raises:
        ValueError: The backbone's last output is no feature map.
    """
    model = network.model.eval()
    with torch.no_grad():
        features = model.backbone(inputs)
    feature = features[-1] if isinstance(features, (tuple, list)) else features
    if feature.ndim != 4:
        raise ValueError(
            f'{type(model.backbone).__name__} returns no feature map (N, C, H, W), but shape '
            f'{tuple(feature.shape)}: it has no class activation map.'
        )
    feature = feature.detach().requires_grad_()
    with torch.enable_grad():
        pooled = (feature,) if model.neck is None else model.neck((feature,))
        scores = model.head(pooled).gather(1, labels[:, None]).sum()
        (gradient,) = torch.autograd.grad(scores, feature)
    maps = F.relu((gradient.mean((2, 3), keepdim=True) * feature).sum(1, keepdim=True))
    maps = F.interpolate(maps.detach(), inputs.shape[-2:], mode='bilinear', align_corners=False)[:, 0]
    return maps / maps.amax((1, 2), keepdim=True).clamp(min=1e-12)


def plot_cams(networks: Sequence[Network], images: Images, amount: int = 5) -> Figure:
    """Some images, and over them the maps of every network for the true class, side by side.

    Raises:
        ValueError: A backbone returns no feature map.
    """
    amount = min(amount, len(images.data))
    maps: List[torch.Tensor] = []
    for network in networks:
        inputs = images.normalized(network.model, 0, amount)
        maps.append(grad_cam(network, inputs, images.labels[:amount]).cpu())
    pictures = displayed(images.normalized(networks[0].model, 0, amount), networks[0].model)
    figure, axes = new_figure(amount, 1 + len(networks), (1.9, 2.0))
    for row in range(amount):
        show_image(axes[row, 0], pictures[row], images.classes[int(images.labels[row])])
        for axis, network, found in zip(axes[row, 1:], networks, maps):
            show_image(axis, pictures[row].mean(-1, keepdims=True).repeat(3, -1), network.name)
            shown = axis.imshow(found[row], cmap='viridis', alpha=0.6, vmin=0, vmax=1)
    figure.colorbar(shown, ax=axes, label='evidence for the class, relative to the highest', shrink=0.5)
    return figure
