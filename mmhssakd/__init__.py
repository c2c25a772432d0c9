"""mmhssakd: hierarchical self-supervision augmented knowledge distillation for OpenMMLab.

Importing the package registers every component under the scope ``mmhssakd``.
"""

from .compat import prepare
from .version import __version__

prepare()

from . import datasets, engine, evaluation, models  # noqa: E402
from .apis import get_model, list_models  # noqa: E402
from .shortcuts import distill, finetune  # noqa: E402

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
]
