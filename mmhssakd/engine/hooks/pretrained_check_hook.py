"""Stop a run whose pretrained backbone did not load."""

from typing import Dict, Optional

import torch
import torch.nn as nn
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner

from mmhssakd.registry import HOOKS
from mmhssakd.utils.checkpoint import compare, read_state_dict


@HOOKS.register_module()
class PretrainedCheckHook(Hook):
    """Compare a pretrained module with its checkpoint, name by name and value by value, before the first step.

    mmengine loads ``init_cfg=dict(type='Pretrained', ...)`` leniently: tensors that do not match are left at random
    and a warning scrolls by. Here each tensor has to match. Works for backbones of any package.

    Args:
        module (str): Module of the model to check. Defaults to 'backbone'.
    """

    priority = 'VERY_HIGH'

    def __init__(self, module: str = 'backbone') -> None:
        self.module = module
        self.wanted: Optional[Dict[str, torch.Tensor]] = None

    def before_run(self, runner: Runner) -> None:
        """Compare names and shapes, before mmengine loads anything.

        Raises:
            FileNotFoundError: There is no such checkpoint.
            ValueError: Tensors are missing, left over or of another shape, or the prefix does not occur; the
                message has the lists.
        """
        module = self.find(runner)
        init_cfg = pretrained(module)
        if init_cfg is None:
            runner.logger.info(f'model.{self.module} starts at random: its init_cfg names no checkpoint.')
            return
        where, prefix = f'model.{self.module}.init_cfg.checkpoint', init_cfg.get('prefix') or ''
        path = init_cfg['checkpoint']
        # mmengine looks for the prefix in the names as they stand, with what a wrapper put before them
        found = read_state_dict(path, where, wrapper='')
        self.wanted = select(found, prefix, module, f'{where}: {path}')
        expected = {
            name: value
            for name, value in module.state_dict().items()
            if name in self.wanted or not name.endswith('num_batches_tracked')
        }
        difference = compare(expected, self.wanted)
        if difference:
            matched = sum(
                name in expected and expected[name].shape == value.shape for name, value in self.wanted.items()
            )
            raise ValueError(
                f'{where}: {path} does not fit {type(module).__name__}: {matched} of its {len(expected)} tensors '
                f'match the checkpoint. Is it of another depth or width?\n{difference}'
            )

    def before_train(self, runner: Runner) -> None:
        """Compare the values, once all is initialised, unless a whole model was loaded after that.

        Raises:
            ValueError: Something replaced the tensors that the checkpoint gave.
        """
        if self.wanted is None or runner._resume or runner._load_from:
            return
        state = self.find(runner).state_dict()
        changed = [
            name
            for name, value in self.wanted.items()
            if not torch.equal(state[name].cpu(), value.to(state[name].dtype))
        ]
        if changed:
            raise ValueError(
                f'{len(changed)} tensors of model.{self.module} lost what their checkpoint holds before '
                f'training began: {", ".join(changed[:20])}. Was the model initialised by hand?'
            )
        runner.logger.info(f'model.{self.module}: all {len(self.wanted)} tensors come from its checkpoint.')
        self.wanted = None

    def find(self, runner: Runner) -> nn.Module:
        """The module to check."""
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        return model.get_submodule(self.module)


def pretrained(module: nn.Module) -> Optional[dict]:
    """The ``Pretrained`` entry of a module's ``init_cfg``, if it has one."""
    entries = getattr(module, 'init_cfg', None) or []
    entries = [entries] if isinstance(entries, dict) else entries
    return next((entry for entry in entries if entry.get('type') == 'Pretrained'), None)


def select(found: Dict[str, torch.Tensor], prefix: str, module: nn.Module, where: str) -> Dict[str, torch.Tensor]:
    """The tensors below a prefix, without it; without a prefix, those that are not of a classifier's head.

    Raises:
        ValueError: No tensor has the prefix, or it is not given although the checkpoint needs one.
    """
    chosen = {name[len(prefix) :]: value for name, value in found.items() if name.startswith(prefix)}
    children = {name for name, _ in module.named_children()}
    if not prefix:
        chosen = {name: value for name, value in chosen.items() if name.split('.')[0] in children}
    if not chosen:
        prefixes = sorted({name.split('.')[0] + '.' for name in found})
        bare = ' (or to None: it looks like a bare backbone)' if children & {p[:-1] for p in prefixes} else ''
        raise ValueError(
            f'{where} has no tensor that begins with {prefix!r}. Its names begin with: '
            f'{", ".join(prefixes)}. Set init_cfg.prefix to the one that holds the backbone{bare}.'
        )
    return chosen
