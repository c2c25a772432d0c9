"""The auxiliary classifiers c_1 .. c_L, one on the feature map after each stage of a backbone."""
from contextlib import contextmanager
from typing import Dict, Iterator, List, Optional, Sequence

import torch
import torch.nn as nn
from mmengine.model import BaseModule

from mmhssakd.registry import MODELS
from .repeat_stage import repeat_stage


class Branch(BaseModule):
    """One auxiliary classifier: stages, global average pooling, a linear layer.

    Args:
        stages (nn.Module): Maps the tapped feature map to (N, ``in_channels``, H, W).
        in_channels (int): Channels that the stages return.
        num_labels (int): Number of joint labels, N * M.
    """

    def __init__(self, stages: nn.Module, in_channels: int, num_labels: int) -> None:
        super().__init__()
        self.stages = stages
        self.fc = nn.Linear(in_channels, num_labels)

    def forward(self, feature: torch.Tensor) -> torch.Tensor:
        """Classify a feature map (N, C, H, W); returns joint logits (N, N * M)."""
        return self.fc(self.stages(feature).flatten(2).mean(2))


def backbone_like(config: dict) -> nn.Module:
    """Build a backbone of ``config``'s architecture with fresh weights and nothing frozen."""
    config = {k: v for k, v in config.items() if k not in ('frozen_stages', 'norm_eval')}
    if 'Pretrained' in str(config.get('init_cfg')):
        config.pop('init_cfg')
    return MODELS.build(config)


def initialise(backbone: nn.Module) -> None:
    """Initialise as the backbone's own code does, without mmengine's report of each tensor."""
    if hasattr(backbone, 'init_weights'):
        backbone._dump_init_info = lambda: None
        backbone.init_weights()


@MODELS.register_module()
class AuxiliaryNeck(BaseModule):
    """Auxiliary classifiers hooked to a backbone's stages (Sec. III-C).

    A branch is the rest of the same architecture after its stage: the stages come out of a freshly built and
    initialised backbone of the same config, so any backbone that is a chain of modules gets its branches
    without a line written for it. The last branch repeats the last stage at stride 1.

    The features are taken by forward hooks on named modules, which are there only inside :meth:`tap`. So the
    backbone keeps its code and its ``out_indices``, and inference never meets a hook.

    Args:
        taps (Sequence[str]): Names of the backbone's modules whose outputs F_1 .. F_L are classified.
        backbone (dict): Config of the backbone that is tapped. The classifier fills it in.
        in_channels (int): Channels of the backbone's last feature map. The classifier fills it in from its head.
        num_labels (int): Number of joint labels, N * M. The classifier fills it in from its head and views.
        chain (Sequence[str], optional): Names of the modules that lead from the first tap to the end of the
            backbone, taps included, in order. Defaults to ``taps``.
        repeat (Sequence[str], optional): Names of the modules that the last branch repeats. Defaults to the
            last tap.
        init_cfg (dict, optional): Initialisation config. Defaults to None.

    Raises:
        ValueError: A name is not a module of the backbone, or is given twice.
    """

    def __init__(self,
                 taps: Sequence[str],
                 backbone: dict,
                 in_channels: int,
                 num_labels: int,
                 chain: Optional[Sequence[str]] = None,
                 repeat: Optional[Sequence[str]] = None,
                 init_cfg: Optional[dict] = None) -> None:
        super().__init__(init_cfg)
        self.taps = tuple(taps)
        self.chain = tuple(chain or taps)
        self.repeat = tuple(repeat or taps[-1:])
        self._check_names(backbone_like(backbone))
        self.branches = nn.ModuleList(
            Branch(self._stages(tap, backbone, in_channels), in_channels, num_labels) for tap in self.taps)

    def _check_names(self, backbone: nn.Module) -> None:
        modules = dict(backbone.named_modules())
        for option in ('taps', 'chain', 'repeat'):
            names = getattr(self, option)
            unknown = [name for name in names if name not in modules]
            if unknown:
                has = [name for name in modules if name and name.count('.') <= 1]
                raise ValueError(f'auxiliary_neck.{option}: {type(backbone).__name__} has no module named '
                                 f'{", ".join(map(repr, unknown))}. It has: {", ".join(has)}.')
            if not names or len(set(names)) < len(names):
                raise ValueError(f'auxiliary_neck.{option} must name at least one module and none twice, got {names}.')
        outside = [tap for tap in self.taps if tap not in self.chain and tap != self.taps[0]]
        if outside:
            raise ValueError(f'auxiliary_neck.chain must lead through every tap but the first; {outside} are not in it.')

    def _stages(self, tap: str, backbone: dict, in_channels: int) -> nn.Sequential:
        """Take the stages after ``tap`` out of a new backbone."""
        fresh = backbone_like(backbone)
        start = self.chain.index(tap) + 1 if tap in self.chain else 0
        names = self.chain[start:]
        if tap == self.taps[-1]:
            if hasattr(fresh, 'make_repeated_stage'):
                repeated = fresh.make_repeated_stage(in_channels)
            else:
                repeated = repeat_stage(nn.Sequential(*map(fresh.get_submodule, self.repeat)), in_channels)
            initialise(fresh)
            return nn.Sequential(*repeated, *map(fresh.get_submodule, names))
        initialise(fresh)
        return nn.Sequential(*map(fresh.get_submodule, names))

    @contextmanager
    def tap(self, backbone: nn.Module) -> Iterator[Dict[str, torch.Tensor]]:
        """Collect the tapped features of a forward pass of ``backbone`` inside the ``with`` block.

        Args:
            backbone (nn.Module): The backbone, not wrapped.

        Yields:
            dict: Filled during the forward pass, from tap name to feature map.
        """
        features: Dict[str, torch.Tensor] = {}

        def keep(name: str):
            return lambda module, args, output: features.__setitem__(name, output)

        handles = [backbone.get_submodule(name).register_forward_hook(keep(name)) for name in self.taps]
        try:
            yield features
        finally:
            for handle in handles:
                handle.remove()

    def forward(self, features: Dict[str, torch.Tensor]) -> List[torch.Tensor]:
        """Classify the tapped features.

        Args:
            features (dict): What :meth:`tap` collected.

        Returns:
            list[Tensor]: Logits of q_1 .. q_L, each of shape (rows, N * M).
        """
        return [branch(features[name]) for name, branch in zip(self.taps, self.branches)]
