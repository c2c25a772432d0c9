"""mmhssakd: hierarchical self-supervision augmented knowledge distillation for OpenMMLab.

Importing the package registers every component under the scope ``mmhssakd``.
"""

from .utils.compat import check_versions, register_safe_globals
from .version import __version__

check_versions()
register_safe_globals()

from . import datasets, engine, evaluation, models  # noqa: E402
from .apis import get_model, list_models  # noqa: E402

__all__ = ['__version__', 'datasets', 'engine', 'evaluation', 'get_model', 'list_models', 'models']
