from .backbones import *  # noqa: F403
from .classifiers import *  # noqa: F403
from .data_preprocessor import ViewsDataPreprocessor  # noqa: F401
from .distillers import *  # noqa: F403
from .losses import *  # noqa: F403
from .necks import *  # noqa: F403
