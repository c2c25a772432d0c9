"""The auxiliary classifiers c_1 .. c_L, one on the feature map after each stage of a backbone."""

from contextlib import contextmanager
from typing import Any, Dict, Iterator, List, Optional, Sequence

import torch
import torch.nn as nn
from mmengine.model import BaseModule

from mmhssakd.registry import MODELS
from .features import probe, tapped, to_map
from .recompute import run_checkpointed
from .repeat_stage import repeat_stage


class Branch(BaseModule):
    """One auxiliary classifier: stages, global average pooling, a linear layer.

    Args:
        stages (nn.Module): Maps the tapped feature map to (N, ``in_channels``, H, W).
        in_channels (int): Channels that the stages return.
        num_labels (int): Number of joint labels, N * M.
        with_cp (bool): Run each stage a second time in the backward pass instead of keeping its activations.
            Defaults to False.
    """

    def __init__(self, stages: nn.Module, in_channels: int, num_labels: int, with_cp: bool = False) -> None:
        super().__init__()
        self.stages = stages
        self.fc = nn.Linear(in_channels, num_labels)
        self.with_cp = with_cp

    def run_stages(self, feature: torch.Tensor) -> torch.Tensor:
        """Run the stages; recomputed one at a time, the activations of one alone are there in the backward pass."""
        run = run_checkpointed if self.with_cp and torch.is_grad_enabled() else nn.Module.__call__
        for stage in self.stages if isinstance(self.stages, nn.Sequential) else (self.stages,):
            feature = run(stage, feature)
        return feature

    def forward(self, feature: torch.Tensor) -> torch.Tensor:
        """Classify a feature map (N, C, H, W); returns joint logits (N, N * M)."""
        return self.fc(self.run_stages(feature).flatten(2).mean(2))


# Pretrained weights as options: the first two are TIMMBackbone's, the last TorchvisionBackbone's.
PRETRAINED = ('pretrained', 'checkpoint_path', 'weights')


def backbone_like(config: dict) -> Any:
    """Build a backbone of ``config``'s architecture with fresh weights and nothing frozen."""
    config = {k: v for k, v in config.items() if k not in ('frozen_stages', 'norm_eval', *PRETRAINED)}
    if 'Pretrained' in str(config.get('init_cfg')):
        config.pop('init_cfg')
    return MODELS.build(config)


def initialise(backbone: Any) -> None:
    """Initialise as the backbone's own code does, without mmengine's report of each tensor."""
    if hasattr(backbone, 'init_weights'):
        backbone._dump_init_info = lambda: None
        backbone.init_weights()


@torch.no_grad()
def check_branch(branch: Branch, feature: torch.Tensor) -> None:
    """Run a branch once on a feature map; whatever does not fit raises."""
    branch.eval()(feature)
    branch.train()


def light_branch(config: dict, feature: torch.Tensor, num_labels: int, with_cp: bool) -> Branch:
    """Build a branch given as a config for feature maps like ``feature``."""
    stages = MODELS.build(dict(config, in_channels=feature.shape[1]))
    stages._dump_init_info = lambda: None
    stages.init_weights()
    return Branch(stages, stages.out_channels, num_labels, with_cp)


def module_names(backbone: nn.Module) -> str:
    """List the names of a backbone's modules, two levels deep, for messages."""
    return ', '.join(name for name, _ in backbone.named_modules() if name and name.count('.') <= 1)


@MODELS.register_module()
class AuxiliaryNeck(BaseModule):
    """Auxiliary classifiers hooked to a backbone's stages (Sec. III-C).

    A branch is the rest of the same architecture after its stage: the stages come out of a freshly built and
    initialised backbone of the same config, so any backbone that is a chain of modules gets its branches
    without a line written for it. The last branch repeats the last stage at stride 1.

    A branch can be given as a config instead (``branch``).

    The features are taken by forward hooks on named modules, which are there only inside :meth:`tap`. So the
    backbone keeps its code and its ``out_indices``, and inference never meets a hook.

    Taps, chain and repetition have defaults where the backbone itself says what its stages are: our CIFAR
    networks do (:class:`StageChain`), and so do mmpretrain's residual networks (``res_layers``).

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
            ``dict(type='mmhssakd.ConvBranch')`` or ``dict(type='mmhssakd.TransformerBranch')``. It is given
            ``in_channels``, maps (N, C, H, W) to a feature map, and has ``out_channels``. Then the backbone need
            not be a chain of modules, and may return tokens.
        image_size (int, optional): Side of the empty image with which the features' channels are found out.
            Defaults to 32, or to 224 if the backbone refuses that.
        with_cp (bool): Compute each stage of a branch a second time in the backward pass instead of keeping its
            activations (gradient checkpointing): less memory, more time, the same numbers. Defaults to False.
        init_cfg (dict, optional): Initialisation config. Defaults to None.

    Raises:
        ValueError: A name is not a module of the backbone, or is given twice, or there is no default; or what the
            module returns is no feature map, or the modules of the chain do not fit together.
    """

    def __init__(
        self,
        backbone: dict,
        in_channels: int,
        num_labels: int,
        taps: Optional[Sequence[str]] = None,
        chain: Optional[Sequence[str]] = None,
        repeat: Optional[Sequence[str]] = None,
        branch: Optional[dict] = None,
        image_size: Optional[int] = None,
        with_cp: bool = False,
        init_cfg: Optional[dict] = None,
    ) -> None:
        super().__init__(init_cfg)
        fresh = backbone_like(backbone)
        stages = getattr(fresh, 'res_layers', None)
        if not (taps or stages or hasattr(fresh, 'taps')):
            raise ValueError(
                f'{type(fresh).__name__} does not say what its stages are: set auxiliary_neck.taps to '
                f'the names of the modules to tap. It has: {module_names(fresh)}.'
            )
        self.taps = tuple(taps or getattr(fresh, 'taps', stages))
        self.chain = tuple(chain or getattr(fresh, 'chain', stages) or self.taps)
        self.repeat = tuple(repeat or getattr(fresh, 'repeat', (stages or self.taps)[-1:]))
        self._check_names(fresh)
        features = probe(fresh, self.taps, image_size)
        self.channels = {tap: feature.shape[1] for tap, feature in features.items()}
        if branch is not None:
            self.branches = nn.ModuleList(
                light_branch(branch, feature, num_labels, with_cp) for feature in features.values()
            )
            return
        self.branches = nn.ModuleList()
        for tap, feature in features.items():
            try:
                branch = Branch(self._stages(tap, feature.shape[1], backbone), in_channels, num_labels, with_cp)
                if not stages:  # the modules of a residual network do fit together
                    check_branch(branch, feature)
            except (RuntimeError, TypeError, AttributeError, IndexError) as error:
                raise ValueError(
                    f'The modules of {type(fresh).__name__} after {tap!r} cannot be run one after the other: name all '
                    'of them in auxiliary_neck.chain, or give the branches as auxiliary_neck.branch='
                    f"dict(type='mmhssakd.ConvBranch'). The error was: {error}"
                ) from error
            self.branches.append(branch)

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
        outside = [tap for tap in self.taps if tap not in self.chain and tap != self.taps[0]]
        if outside:
            raise ValueError(
                f'auxiliary_neck.chain must lead through every tap but the first; {outside} are not in it.'
            )

    def _stages(self, tap: str, channels: int, backbone: dict) -> nn.Sequential:
        """Take the stages after ``tap``, whose feature map has ``channels`` channels, out of a new backbone."""
        fresh = backbone_like(backbone)
        start = self.chain.index(tap) + 1 if tap in self.chain else 0
        names = self.chain[start:]
        if tap == self.repeat[-1]:
            names = self.repeat + names
            if hasattr(fresh, 'repeat_last_stage'):
                fresh.repeat_last_stage(channels)
            else:
                repeat_stage(nn.Sequential(*map(fresh.get_submodule, self.repeat)), channels)
        initialise(fresh)
        return nn.Sequential(*map(fresh.get_submodule, names))

    @contextmanager
    def tap(self, backbone: nn.Module) -> Iterator[Dict[str, torch.Tensor]]:
        """Collect the tapped features of a forward pass of ``backbone`` inside the ``with`` block.

        Args:
            backbone (nn.Module): The backbone, not wrapped.

        Yields:
            dict: Filled during the forward pass, from tap name to what the module returned.
        """
        with tapped(backbone, self.taps) as features:
            yield features

    def forward(self, features: Dict[str, torch.Tensor]) -> List[torch.Tensor]:
        """Classify the tapped features.

        Args:
            features (dict): What :meth:`tap` collected.

        Returns:
            list[Tensor]: Logits of q_1 .. q_L, each of shape (rows, N * M).
        """
        return [
            branch(to_map(features[name], name, self.channels[name])) for name, branch in zip(self.taps, self.branches)
        ]
