"""The auxiliary classifiers c_1 .. c_L, one on the feature map after each stage of a backbone."""

from typing import Any, ContextManager, Dict, List, Optional, Sequence

import torch
import torch.nn as nn
from mmengine.model import BaseModule

from mmhssakd.compat.patches import no_init_report
from mmhssakd.registry import MODELS
from .branches import Branch
from .features import probe, tapped, to_map
from .repeat_stage import repeat_stage

Names = Optional[Sequence[str]]

# Pretrained weights as options: the first two are TIMMBackbone's, the last TorchvisionBackbone's.
PRETRAINED = ('pretrained', 'checkpoint_path', 'weights')


def backbone_like(config: dict) -> Any:
    """Build a backbone of ``config``'s architecture with fresh weights and nothing frozen."""
    config = {k: v for k, v in config.items() if k not in ('frozen_stages', 'norm_eval', *PRETRAINED)}
    if 'Pretrained' in str(config.get('init_cfg')):
        config.pop('init_cfg')
    return MODELS.build(config)


def initialize(module: Any) -> None:
    """Initialize as the module's own code does, without mmengine's report of each tensor."""
    if hasattr(module, 'init_weights'):
        with no_init_report():
            module.init_weights()


def module_names(backbone: nn.Module) -> str:
    """List the names of a backbone's modules, two levels deep, for messages."""
    return ', '.join(name for name, _ in backbone.named_modules() if name and name.count('.') <= 1)


@MODELS.register_module()
class AuxiliaryNeck(BaseModule):
    """Auxiliary classifiers hooked to a backbone's stages.

    A branch is the rest of the same architecture after its stage, out of a new backbone of the same config, so any
    backbone that is a chain of modules has branches. The last one repeats the last stage at stride 1.

    The features are taken by forward hooks on named modules, which are there only inside :meth:`tap`. So the
    backbone keeps its code and its ``out_indices``, and inference never meets a hook.

    Taps, chain and repetition have defaults where the backbone itself says what its stages are: our CIFAR
    networks do (:class:`StageChain`), and so do mmpretrain's residual networks (``res_layers``) and, for the taps,
    :class:`TimmBackbone`.

    Args:
        backbone (dict): Config of the backbone that is tapped. The classifier fills it in.
        in_channels (int): Channels of the backbone's last feature map. The classifier fills it in from its head.
        num_labels (int): Number of joint labels, N * M. The classifier fills it in from its head and views.
        taps (Sequence[str], optional): Names of the backbone's modules whose outputs F_1 .. F_L are classified.
            Defaults to the backbone's stages.
        chain (Sequence[str], optional): Names of the modules that lead from the first stage to the end of the
            backbone, taps included, in order. Defaults to the backbone's stages, or to ``taps``.
        repeat (Sequence[str], optional): Names of the modules that the branch after the last stage repeats. A
            tap at the last of them gets this branch. Defaults to the backbone's last stage, or to the last tap.
        branch (dict, optional): Config of a module that every branch has instead of copied stages, such as
            :class:`ConvBranch` or :class:`TransformerBranch`: it takes ``in_channels``, maps (N, C, H, W) to a feature
            map, and has ``out_channels``. Then the backbone need not be a chain of modules, and may return tokens.
        image_size (int, optional): Side of the empty image with which the features' channels are found out.
            Defaults to 32, or to 224 if the backbone refuses that.
        with_cp (bool): Compute each stage of a branch a second time in the backward pass instead of keeping its
            activations (gradient checkpointing): less memory, more time, the same numbers. Defaults to False.
        init_cfg (dict, optional): Initialization config. Defaults to None.

    Raises:
        ValueError: A name is not a module of the backbone, or is given twice, or there is no default; or what the
            module returns is no feature map, or the modules of the chain do not fit together.
    """

    def __init__(
        self,
        backbone: dict,
        in_channels: int,
        num_labels: int,
        taps: Names = None,
        chain: Names = None,
        repeat: Names = None,
        branch: Optional[dict] = None,
        image_size: Optional[int] = None,
        with_cp: bool = False,
        init_cfg: Optional[dict] = None,
    ) -> None:
        super().__init__(init_cfg)
        fresh = backbone_like(backbone)
        self._name_stages(fresh, taps, chain, repeat)
        self._check_names(fresh)
        features = probe(fresh, self.taps, image_size)
        self.channels = {tap: feature.shape[1] for tap, feature in features.items()}
        self.branches = nn.ModuleList()
        for tap, feature in features.items():
            if branch is None:
                self.branches.append(self._copied_branch(tap, feature, backbone, in_channels, num_labels, with_cp))
            else:
                stages = MODELS.build(dict(branch, in_channels=feature.shape[1]))
                initialize(stages)
                self.branches.append(Branch(stages, stages.out_channels, num_labels, with_cp))

    def _name_stages(self, backbone: nn.Module, taps: Names, chain: Names, repeat: Names) -> None:
        """Take the names that are given, and where none are, those that the backbone itself says."""
        stages = getattr(backbone, 'res_layers', None)
        if not (taps or stages or hasattr(backbone, 'taps')):
            raise ValueError(
                f'{type(backbone).__name__} does not say what its stages are: set auxiliary_neck.taps to '
                f'the names of the modules to tap. It has: {module_names(backbone)}.'
            )
        self.taps = tuple(taps or getattr(backbone, 'taps', stages))
        self.chain = tuple(chain or getattr(backbone, 'chain', stages) or self.taps)
        self.repeat = tuple(repeat or getattr(backbone, 'repeat', (stages or self.taps)[-1:]))

    def _check_names(self, backbone: nn.Module) -> None:
        modules = dict(backbone.named_modules())
        for option in ('taps', 'chain', 'repeat'):
            names = getattr(self, option)
            unknown = [name for name in names if name not in modules]
            if unknown:
                raise ValueError(
                    f'auxiliary_neck.{option}: {type(backbone).__name__} has no module named '
                    f'{", ".join(map(repr, unknown))}. It has: {module_names(backbone)}.'
                )
            if not names or len(set(names)) < len(names):
                raise ValueError(f'auxiliary_neck.{option} must name at least one module and none twice, got {names}.')
        outside = [tap for tap in self.taps[1:] if tap not in self.chain]
        if outside:
            raise ValueError(f'auxiliary_neck.chain must lead through every tap but the first, but lacks {outside}.')

    def _copied_branch(self, tap: str, feature: torch.Tensor, backbone: dict, *options) -> Branch:
        """A branch of the stages after a tap; it is run once on the tap's feature map."""
        fresh = backbone_like(backbone)
        try:
            branch = Branch(self._stages(tap, feature.shape[1], fresh), *options)
            with torch.no_grad():
                branch.eval()(feature)
            return branch.train()
        except (RuntimeError, TypeError, AttributeError, IndexError) as error:
            raise ValueError(
                f'The modules of {type(fresh).__name__} after {tap!r} cannot be run one after the other: name all '
                'of them in auxiliary_neck.chain, or give the branches as auxiliary_neck.branch='
                f"dict(type='mmhssakd.ConvBranch'). The error was: {error}"
            ) from error

    def _stages(self, tap: str, channels: int, fresh: Any) -> nn.Sequential:
        """Take the stages after a tap, whose feature map has so many channels, out of a new backbone."""
        names = self.chain[self.chain.index(tap) + 1 if tap in self.chain else 0 :]
        if tap == self.repeat[-1]:
            names = self.repeat + names
            if hasattr(fresh, 'repeat_last_stage'):
                fresh.repeat_last_stage(channels)
            else:
                repeat_stage(nn.Sequential(*map(fresh.get_submodule, self.repeat)), channels)
        initialize(fresh)
        return nn.Sequential(*map(fresh.get_submodule, names))

    def tap(self, backbone: nn.Module) -> ContextManager[Dict[str, Any]]:
        """Collect the tapped features of a forward pass of ``backbone`` inside a ``with`` block, see :func:`tapped`."""
        return tapped(backbone, self.taps)

    def forward(self, features: Dict[str, torch.Tensor]) -> List[torch.Tensor]:
        """Classify what :meth:`tap` collected: logits of q_1 .. q_L, each (rows, N * M)."""
        maps = [to_map(features[name], name, self.channels[name]) for name in self.taps]
        return [branch(feature) for branch, feature in zip(self.branches, maps)]
