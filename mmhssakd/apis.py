"""Find a shipped config by its name, train it, and build its model for inference."""

import copy
import functools
import sys
from pathlib import Path
from typing import Any, Dict, List, Optional, Union

from mmengine.config import Config
from mmengine.model import BaseModel
from modelindex.load_model_index import load

from mmhssakd.weights.checkpoint import load_weights


def home() -> Path:
    """Folder of configs, tools and model-index.yml: ``mmhssakd/.mim`` of an installed package, or the checkout."""
    package = Path(__file__).resolve().parent
    for folder in (package / '.mim', package.parent):
        if (folder / 'model-index.yml').is_file():
            return folder
    raise FileNotFoundError(f'{package} has no configs beside it: install the package with pip (pip install .).')


@functools.cache
def model_index() -> Dict[str, Any]:
    """Entries of all metafiles by name; see modelindex's ``Model`` for what an entry holds."""
    return {model.name: model for model in load(str(home() / 'model-index.yml')).models}


def list_models() -> List[str]:
    """Names of the shipped models, each the name of its config file without ``.py``."""
    return sorted(model_index())


def find_config(model: str) -> str:
    """Path of a config, given its path or the name of a shipped model.

    Raises:
        FileNotFoundError: It is neither.
    """
    if model.endswith('.py') and Path(model).is_file():
        return model
    entry = model_index().get(Path(model).stem)
    if entry is None:
        raise FileNotFoundError(
            f'{model!r} is neither a config file nor the name of a shipped model. python -m mmhssakd lists the names.'
        )
    return str(home() / entry.config)


def train_command(
    config: str, work_dir: Union[str, Path], options: Dict[str, Any], processes: Optional[int] = None, *more: str
) -> List[str]:
    """The call of ``tools/train.py`` that starts a run or goes on with it.

    Args:
        config (str): Config file, or name of a shipped model.
        work_dir (str): Folder of the run.
        options (dict): ``--cfg-options``.
        processes (int, optional): Train with so many, one a GPU. Defaults to None, one process without a launcher.
        *more (str): Other options of the tool.
    """
    start = [sys.executable, '-u']
    run = [str(home() / 'tools/train.py'), find_config(config), '--resume', f'--work-dir={work_dir}', *more]
    if processes:
        start += ['-m', 'torch.distributed.run', '--standalone', f'--nproc-per-node={processes}']
        run += ['--launcher', 'pytorch']
    if options:
        run += ['--cfg-options', *(f'{key}={value}' for key, value in options.items())]
    return [*start, *run]


def get_model(
    model: Union[str, Path, Config],
    pretrained: Union[str, Path, None] = None,
    device: Optional[str] = None,
    **kwargs: Any,
) -> BaseModel:
    """Build a model for inference, in eval mode: mmpretrain's ``get_model``, for our names and our checkpoints.

    A student is built without its teacher. mmpretrain's ``ImageClassificationInferencer`` takes what this returns.

    Args:
        model (str | Config): Name of a shipped model, config file, or config.
        pretrained (str, optional): Path or URL of a checkpoint; a classifier must find every tensor in it.
            Defaults to None, random weights.
        device (str, optional): Device to put the model on. Defaults to the CPU.
        **kwargs: Settings merged into the config's ``model``, such as ``head=dict(num_classes=7)``.

    Returns:
        BaseModel: An image classifier or a detector.

    Raises:
        FileNotFoundError: There is no such model or checkpoint.
        ValueError: The checkpoint does not fit the classifier.
    """
    config = copy.deepcopy(model) if isinstance(model, Config) else Config.fromfile(find_config(str(model)))
    if kwargs:
        config.merge_from_dict(dict(model=kwargs))
    if 'teacher' in config.model:
        config.model.teacher = None
    if config.get('default_scope') == 'mmdet':
        from mmdet.apis import init_detector

        return init_detector(config, pretrained and str(pretrained), device=device or 'cpu')
    from mmpretrain.apis import get_model as get_classifier

    network = get_classifier(config, device=device)
    if pretrained is not None:
        meta = load_weights(network, str(pretrained), where='pretrained')
        # mmpretrain's, private: its inferencers find the classes here
        network._dataset_meta = meta.get('dataset_meta') or network._dataset_meta
    return network
