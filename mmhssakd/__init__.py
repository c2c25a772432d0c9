"""mmhssakd: hierarchical self-supervision augmented knowledge distillation for OpenMMLab.

Importing the package makes its registries known, under the scope ``mmhssakd``: they import their components when the
first one is asked for.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any, List

from .compat import prepare
from .version import __version__

prepare()

from . import registry  # noqa: E402

if TYPE_CHECKING:
    from . import datasets, engine, evaluation, models
    from .apis import get_model, list_models
    from .shortcuts import distill, finetune

__all__ = [
    '__version__',
    'datasets',
    'distill',
    'engine',
    'evaluation',
    'finetune',
    'get_model',
    'list_models',
    'models',
    'registry',
]
FUNCTIONS = {'distill': 'shortcuts', 'finetune': 'shortcuts', 'get_model': 'apis', 'list_models': 'apis'}


def __getattr__(name: str) -> Any:
    """Import what is asked for: one of :data:`FUNCTIONS`, or a module."""
    module = f'{__name__}.{FUNCTIONS.get(name, name)}'
    try:
        found = import_module(module)
    except ModuleNotFoundError as error:
        if error.name != module:
            raise
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}') from None
    return getattr(found, name) if name in FUNCTIONS else found


def __dir__() -> List[str]:
    return __all__
