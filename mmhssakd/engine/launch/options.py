"""Options of a run that concern more than one place of a config."""

from typing import Any, Iterator, Optional, Tuple

from mmengine.config import Config


def walk(node: Any, path: str = '') -> Iterator[Tuple[str, dict]]:
    """All dicts of a config, outermost first, each after its key."""
    if isinstance(node, dict):
        yield path, node
    if isinstance(node, (dict, list, tuple)):
        for key, child in node.items() if isinstance(node, dict) else enumerate(node):
            yield from walk(child, f'{path}.{key}' if path else str(key))


def parts_with_data(cfg: Config) -> dict:
    """Data loaders and evaluators of a config by their keys."""
    return {key: cfg[key] for key in cfg if key.endswith(('_dataloader', '_evaluator')) and cfg[key]}


def shared_root(cfg: Config) -> Optional[str]:
    """The folder that all data sets of a config share: its ``data_root``, or the one that each of them has."""
    roots = {str(node['data_root']).rstrip('/') for _, node in walk(parts_with_data(cfg)) if node.get('data_root')}
    return cfg.get('data_root') or (roots.pop() if len(roots) == 1 else None)


def spread_options(cfg: Config, options: dict, before: Config) -> None:
    """Let ``data_root`` and ``class_names``, given as options, reach all that a config derives from them.

    mmengine merges an option into one key only, while a config repeats these two in every data set.

    Args:
        cfg (Config): The config, options merged.
        options (dict): The options. Others than these two are left alone.
        before (Config): The config before the options were merged.

    Raises:
        ValueError: ``class_names`` is no list of different names.
    """
    parts, root = parts_with_data(cfg), shared_root(before)
    if 'data_root' in options and root:
        old, new = root.rstrip('/'), str(options['data_root']).rstrip('/')
        for _, node in walk(parts):
            for key, value in node.items():
                if isinstance(value, str) and (value.rstrip('/') == old or value.startswith(old + '/')):
                    node[key] = new + value[len(old) :]
    if 'class_names' in options:
        names = options['class_names']
        names = (names,) if isinstance(names, str) else tuple(str(name) for name in names)
        if len(set(names)) != len(names):
            raise ValueError(f'class_names repeats a name: {names}')
        set_classes(cfg, names)


def set_classes(cfg: Config, names: Tuple[str, ...]) -> None:
    """Give all data sets of a config these classes, and the heads their number."""
    for _, node in walk(parts_with_data(cfg)):
        if 'data_root' in node:
            node['metainfo'] = dict(node.get('metainfo') or {}, classes=names)
    for _, node in walk({key: value for key, value in cfg.model.items() if key != 'backbone'}):
        if 'num_classes' in node:
            node['num_classes'] = len(names)
