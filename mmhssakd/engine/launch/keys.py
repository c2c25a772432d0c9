"""Find misspelt keys, which mmengine passes over in silence."""

import inspect
from difflib import get_close_matches
from typing import Any, Iterable, Iterator, List, Optional, Set, Tuple

from mmengine.config import Config
from mmengine.registry import DATASETS, HOOKS, MODELS, OPTIM_WRAPPERS, OPTIMIZERS, TRANSFORMS
from mmengine.runner import Runner

from .options import shared_root, walk


def parameters(function: Any) -> Set[str]:
    """Names of a function's or class's arguments; of a class that passes some on, its base classes' too."""
    names: Set[str] = set()
    for owner in inspect.getmro(function) if inspect.isclass(function) else [function]:
        signature = inspect.signature(owner.__init__ if inspect.isclass(owner) else owner).parameters
        names |= set(signature)
        if all(p.kind != p.VAR_KEYWORD for p in signature.values()):
            break
    return names - {'self', 'args', 'kwargs'}


RUNNER = parameters(Runner) | {'runner_type', 'custom_imports', 'work_dir', 'auto_scale_lr', 'compile'}
# Options at the top that are read: by mmengine beside its Runner's arguments, and by spread_options().
READ = RUNNER | {'find_unused_parameters', 'sync_bn', 'strategy', 'class_names'}
# Parts of a config of which mmengine reads these keys alone, and says nothing about others.
CLOSED = {
    'env_cfg': {'cudnn_benchmark', 'mp_cfg', 'dist_cfg', 'resource_limit'},
    'auto_scale_lr': {'enable', 'base_batch_size'},
}


def closest(name: str, known: Iterable[str], cutoff: float = 0.75) -> Optional[str]:
    """The name that was probably meant."""
    return next(iter(get_close_matches(name, sorted(map(str, known)), n=1, cutoff=cutoff)), None)


def check_keys(cfg: Config) -> None:
    """Check the keys of a whole config.

    Own variables may stand at the top level, so a key there is wrong only if it is nearly one of mmengine's.

    Raises:
        KeyError: A key is misspelt or never read; the message says which was probably meant.
    """
    for key in set(cfg) - RUNNER:
        meant = closest(key, RUNNER, cutoff=0.9)  # val_evaluater is a slip, voc_evaluator is a variable
        if meant is not None:
            raise KeyError(
                f'unknown key {key!r} in the config: is {meant!r} meant? If it is a variable of your own, '
                'give it a name less like it.'
            )
    for part, known in CLOSED.items():
        node = cfg.get(part)
        for key in set(node if isinstance(node, dict) else ()) - known - {'_scope_'}:
            said = (
                f'is {part}.{closest(key, known)} meant?'
                if closest(key, known)
                else f'known are {", ".join(sorted(known))}.'
            )
            raise KeyError(f'unknown key {part}.{key} in the config: {said}')
    optimizer = ((cfg.get('optim_wrapper') or {}).get('optimizer') or {}).get('type')
    scoped = f'{cfg.get("default_scope") or "mmengine"}.{optimizer}'
    if isinstance(optimizer, str) and OPTIMIZERS.get(optimizer) is None and OPTIMIZERS.get(scoped) is None:
        meant = closest(optimizer, OPTIMIZERS.module_dict)  # mmengine only says that None is not callable
        said = f' Is {meant!r} meant?' if meant else ''
        raise KeyError(f'optim_wrapper.optimizer.type: there is no optimizer {optimizer!r}.{said}')


def arguments_of(node: Any, scope: str) -> Set[str]:
    """Arguments of the type that a part of a config builds, if it names a registered one."""
    name = node.get('type')
    if isinstance(name, str) and '.' not in name:
        name = f'{scope}.{name}'
    for registry in (MODELS, DATASETS, TRANSFORMS, HOOKS, OPTIM_WRAPPERS):
        found = registry.get(name) if isinstance(name, str) else name
        if found is not None and callable(found):
            return parameters(found)
    return set()


def places_of(name: str, node: Any, path: str = '') -> Iterator[Tuple[str, dict]]:
    """Find ``name`` below a node of a config: its whole key, and the dict that holds it."""
    for place, part in walk(node, path):
        if name in part:
            yield f'{place}.{name}' if place else name, part


def check_options(cfg: Config, options: dict) -> None:
    """Check ``--cfg-options`` against the config that they are to be merged into.

    A key that the config lacks may be an argument with a default. It is refused if it looks like a key that is there,
    or like an argument of the type that it is for.

    Raises:
        KeyError: A key is probably misspelt, and the message says which was probably meant; or nothing reads it.
    """
    for option in options:
        check_variable(cfg, option)
        node: Any = cfg._cfg_dict
        keys = option.split('.')
        for i, key in enumerate(keys):
            if isinstance(node, (list, tuple)):
                if not key.isdigit() or int(key) >= len(node):
                    raise KeyError(
                        f'--cfg-options {option}: {".".join(keys[:i])} is a list of {len(node)}, so a '
                        f'number 0 .. {len(node) - 1} must follow, not {key!r}.'
                    )
                node = node[int(key)]
            elif isinstance(node, dict) and key in node:
                node = node[key]
            else:
                check_new_key(cfg, keys, i, node)
                break


def check_variable(cfg: Config, option: str) -> None:
    """Refuse an option for a variable of the config, whose value has already gone where the config uses it."""
    if '.' in option or option in READ or (option == 'data_root' and shared_root(cfg)):
        return
    places = ', '.join(place for place, _ in places_of(option, cfg._cfg_dict) if place != option)
    raise KeyError(
        f'--cfg-options {option}: nothing reads this key any more. '
        f'Set what it stands for: {places or "the keys that the config sets by it"}.'
    )


def check_new_key(cfg: Config, keys: List[str], i: int, node: Any) -> None:
    """Refuse part ``i`` of an option, which ``node`` of the config lacks, if it looks like one that could be there."""
    if isinstance(node, dict):
        known = RUNNER if i == 0 else arguments_of(node, cfg.get('default_scope') or 'mmengine')
        meant = None if keys[i] in known else closest(keys[i], {*node, *known})
        if meant is not None:
            wanted = '.'.join([*keys[:i], meant, *keys[i + 1 :]])
            raise KeyError(f'--cfg-options {".".join(keys)}: the config has no such key. Is {wanted} meant?')
