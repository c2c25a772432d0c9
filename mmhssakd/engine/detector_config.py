"""Options of a run that concern more than one place of a detector's config."""

from typing import Any, Iterator, Tuple

from mmengine.config import Config


def walk(node: Any, path: str = '') -> Iterator[Tuple[str, dict]]:
    """All dicts of a config, outermost first, each after its key."""
    if isinstance(node, dict):
        yield path, node
    if isinstance(node, (dict, list, tuple)):
        for key, child in node.items() if isinstance(node, dict) else enumerate(node):
            yield from walk(child, f'{path}.{key}' if path else str(key))


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
        for _, node in walk(parts):
            for key, value in node.items():
                if isinstance(value, str) and (value.rstrip('/') == old or value.startswith(old + '/')):
                    node[key] = new + value[len(old) :]
    if 'class_names' in options:
        names = options['class_names']
        names = (names,) if isinstance(names, str) else tuple(str(name) for name in names)
        if len(set(names)) != len(names):
            raise ValueError(f'class_names repeats a name: {names}')
        for _, node in walk(parts):
            if 'data_root' in node:
                node['metainfo'] = dict(node.get('metainfo') or {}, classes=names)
        for _, node in walk({key: value for key, value in cfg.model.items() if key != 'backbone'}):
            if 'num_classes' in node:
                node['num_classes'] = len(names)
