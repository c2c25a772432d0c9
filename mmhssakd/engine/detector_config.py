"""Options of a run that concern more than one place of a detector's config."""

import logging
from typing import Any, Iterator

from mmengine.config import Config
from mmengine.logging import print_log


def nodes(node: Any) -> Iterator[dict]:
    """All dicts of a config, outermost first."""
    if isinstance(node, dict):
        yield node
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, (list, tuple)) else ():
        yield from nodes(child)


def spread_options(cfg: Config, options: dict, data_root: str) -> None:
    """Let ``data_root`` and ``class_names``, given as options, reach all that a config derives from them.

    mmengine merges an option into one key only, while a config repeats these two in every data set.

    Args:
        cfg (Config): The config, options merged.
        options (dict): The options. Others than these two are left alone.
        data_root (str): ``data_root`` of the config before the options were merged.

    Raises:
        ValueError: ``class_names`` is no list of different names.
    """
    parts = [cfg[key] for key in cfg if key.endswith(('_dataloader', '_evaluator')) and cfg[key]]
    if 'data_root' in options and data_root:
        old, new = data_root.rstrip('/'), str(options['data_root']).rstrip('/')
        for node in nodes(parts):
            for key, value in node.items():
                if isinstance(value, str) and (value.rstrip('/') == old or value.startswith(old + '/')):
                    node[key] = new + value[len(old) :]
    if 'class_names' in options:
        names = options['class_names']
        names = (names,) if isinstance(names, str) else tuple(str(name) for name in names)
        if len(set(names)) != len(names):
            raise ValueError(f'class_names repeats a name: {names}')
        for node in nodes(parts):
            if 'data_root' in node:
                node['metainfo'] = dict(node.get('metainfo') or {}, classes=names)
        for node in nodes({key: value for key, value in cfg.model.items() if key != 'backbone'}):
            if 'num_classes' in node:
                node['num_classes'] = len(names)


def thaw_random_backbone(cfg: Config) -> None:
    """Let all of a backbone train that starts at random (``model.backbone.init_cfg=None``).

    The detection recipes freeze the first stages and the statistics of batch normalisation, which is right for a
    pretrained backbone only: at random, frozen stages stay random and the statistics are those of no data. So that
    the random arm of a comparison needs the same single option as the others, and is a fair one, what was frozen is
    thawed, and the backbone's own initialisation is used.
    """
    backbone = cfg.get('model', {}).get('backbone')
    if cfg.get('default_scope') != 'mmdet' or backbone is None or backbone.get('init_cfg', 0) is not None:
        return
    backbone.pop('init_cfg')
    frozen = {key: value for key, value in dict(frozen_stages=-1, norm_eval=False).items() if key in backbone}
    backbone.update(frozen)
    print_log(f'model.backbone starts at random, so all of it trains: {frozen}.', level=logging.WARNING)
