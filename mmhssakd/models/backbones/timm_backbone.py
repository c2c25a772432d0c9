"""timm's networks with their own pooling: mmpretrain's ``TIMMBackbone`` ends before it."""

import copy
from typing import Any, Optional, Sequence, Tuple

import torch
from mmpretrain.models.backbones.base_backbone import BaseBackbone
from torch.nn.modules.batchnorm import _BatchNorm

from mmhssakd.registry import MODELS


@MODELS.register_module()
class TimmBackbone(BaseBackbone):
    """A timm network up to its classifier: what its last linear layer sees, under its own module names.

    A classifier with ``neck=None`` and a ``LinearClsHead`` on it has timm's logits, for every network whose classifier
    is one linear layer: also those that normalize after pooling, or take a class token. It takes timm's checkpoints.

    ``taps`` are the defaults of :class:`AuxiliaryNeck`: up to four of the stages that timm lists in ``feature_info``.

    Args:
        model_name (str): As in ``timm.list_models()``.
        out_indices (Sequence[int], optional): Return these of timm's feature maps, for a detector; layers that none of
            them needs are kept, so that checkpoints fit, but not trained. Defaults to None, the pooled features.
        norm_eval (bool): Keep the statistics of batch normalization as they are. Defaults to False.
        init_cfg (dict, optional): Initialization config. Defaults to None, timm's own initialization.
        **kwargs: Arguments of ``timm.create_model``, such as ``pretrained`` or ``img_size``.

    Raises:
        ModuleNotFoundError: timm is not installed.
        ValueError: timm has no such network.
    """

    timm_model: Any

    def __init__(
        self,
        model_name: str,
        out_indices: Optional[Sequence[int]] = None,
        norm_eval: bool = False,
        init_cfg: Optional[dict] = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(init_cfg)
        try:
            import timm
        except ModuleNotFoundError:
            raise ModuleNotFoundError('mmhssakd.TimmBackbone needs timm: pip install timm.') from None
        if not timm.is_model(model_name):
            raise ValueError(f'no network {model_name!r}: timm.list_models() lists them.')
        self.timm_model = timm.create_model(model_name, num_classes=0, **kwargs)
        stages = [f'timm_model.{stage["module"]}' for stage in getattr(self.timm_model, 'feature_info', [])]
        if stages:  # the last four; of a ViT, whose every block counts, the end of each quarter
            self.taps = tuple(stages[:: -max(len(stages) // 4, 1)][3::-1])
        self.out_indices, self.norm_eval = out_indices and list(out_indices), norm_eval
        if out_indices:
            pruned = copy.deepcopy(self.timm_model)
            pruned.prune_intermediate_layers(self.out_indices, prune_norm=True)
            used = {name for name, _ in pruned.named_parameters()}
            for name, parameter in self.timm_model.named_parameters():
                parameter.requires_grad = name in used

    def train(self, mode: bool = True) -> 'TimmBackbone':
        """Set the training mode."""
        super().train(mode)
        for module in self.modules():
            if self.norm_eval and isinstance(module, _BatchNorm):
                module.eval()
        return self

    def forward(self, x: torch.Tensor) -> Tuple[torch.Tensor, ...]:
        """Compute the pooled features of images (N, C, H, W), a tuple of one (N, F), or feature maps.

        Raises:
            ValueError: The network does not take images of this size.
        """
        try:
            if self.out_indices:
                return tuple(self.timm_model.forward_intermediates(x, self.out_indices, intermediates_only=True))
            return (self.timm_model.forward_head(self.timm_model.forward_features(x), pre_logits=True),)
        except AssertionError as error:  # timm's, of position embeddings
            raise ValueError(
                f'{type(self.timm_model).__name__} does not take images of {x.shape[2]} x {x.shape[3]}: {error}. Set '
                'dynamic_img_size=True or img_size of the backbone or, for a teacher, model.teacher.size.'
            ) from None
