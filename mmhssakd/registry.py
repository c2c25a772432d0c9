"""The registries of mmhssakd: children of mmengine's, scope ``mmhssakd``.

In a config our types are written with the scope, ``type='mmhssakd.HSSAKD'``, as for any OpenMMLab
package that builds on another one. What we lack is looked up in mmpretrain's registries, so
``mmhssakd.registry.MODELS.build(dict(type='HSSAKD', backbone=dict(type='ResNet', ...)))`` works too.
"""

from typing import Any, Dict

import mmpretrain.registry as mmpretrain_registry
from mmengine import registry as mmengine_registry
from mmengine.registry import Registry

from .compat.stacks import check_torchvision


class _Registry(Registry):
    """A registry that prefers its own names and then asks mmpretrain's registry.

    The modules with its components are imported when it is first asked for one.
    """

    def __init__(self, kind: str, locations: list) -> None:
        super().__init__(
            kind.lower(),
            parent=getattr(mmengine_registry, kind),
            scope='mmhssakd',
            locations=[f'mmhssakd.{location}' for location in locations],
        )
        self.fallback = getattr(mmpretrain_registry, kind)

    def import_from_location(self) -> None:
        """Import them, if torchvision, which they need, fits torch."""
        check_torchvision()
        super().import_from_location()

    @property
    def module_dict(self) -> Dict[str, Any]:
        """All components by name."""
        self.import_from_location()
        return super().module_dict

    def build(self, cfg: dict, *args, **kwargs) -> Any:
        """Build ``cfg``, whatever the default scope of the running config is."""
        name = cfg.get('type') if isinstance(cfg, dict) else None
        if not isinstance(name, str) or '.' in name:
            return super().build(cfg, *args, **kwargs)
        if name not in self.module_dict:
            return self.fallback.build(cfg, *args, **kwargs)
        cfg = cfg.copy()
        cfg['type'] = f'{self.scope}.{name}'
        return super().build(cfg, *args, **kwargs)


MODELS = _Registry('MODELS', ['models'])
TRANSFORMS = _Registry('TRANSFORMS', ['datasets.transforms'])
DATASETS = _Registry('DATASETS', ['datasets'])
DATA_SAMPLERS = _Registry('DATA_SAMPLERS', ['datasets'])
LOOPS = _Registry('LOOPS', ['engine.loops'])
HOOKS = _Registry('HOOKS', ['engine.hooks'])
METRICS = _Registry('METRICS', ['evaluation'])
OPTIM_WRAPPERS = _Registry('OPTIM_WRAPPERS', ['engine.optimizers'])
RUNNERS = _Registry('RUNNERS', ['engine'])
