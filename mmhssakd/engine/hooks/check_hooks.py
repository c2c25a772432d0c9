"""Stop a run before its first step: whose checkpoint, pretrained backbone or number of classes does not fit."""

from typing import Any, Dict, List, Optional, Sequence

import torch
import torch.nn as nn
from mmdet.engine.hooks import NumClassCheckHook
from mmengine.fileio import join_path, list_dir_or_file
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import BaseLoop, Runner
from torch.utils.data import DataLoader

from mmhssakd.registry import HOOKS
from mmhssakd.weights.checkpoint import Tensors, check_fit, read_state_dict, tensors_of


def model_of(runner: Runner) -> nn.Module:
    """The model of a run, without a wrapper."""
    return runner.model.module if is_model_wrapper(runner.model) else runner.model


def trains(runner: Runner) -> bool:
    """Whether a run trains; one that tests has not built its training loop."""
    # mmengine's, private, as are _resume and _load_from below: its public property would build the loop
    return isinstance(runner._train_loop, BaseLoop)


@HOOKS.register_module()
class CheckpointFitHook(Hook):
    """Every tensor of the model must be in the checkpoint that is tested or resumed, with the same shape.

    mmengine loads what fits, leaves the rest at random, and warns. Tensors that the model lacks (a teacher's or
    student's branches) are no error.
    """

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Compare names and shapes before mmengine copies the tensors; what a new training starts from may differ.

        Raises:
            ValueError: Tensors are missing or of another shape; the message lists them.
        """
        if trains(runner) and not runner._resume:
            return
        model = model_of(runner)
        expected, found = model.state_dict(), tensors_of(checkpoint, 'The checkpoint')
        check_fit(
            expected,
            {name: value for name, value in found.items() if name in expected},
            f"The checkpoint does not fit the config's model ({type(model).__name__}): is it a teacher's where a "
            "student's is needed, or of another architecture or another number of classes?",
        )


@HOOKS.register_module()
class PretrainedCheckHook(Hook):
    """Compare a pretrained module with its checkpoint, name by name and value by value, before the first step.

    mmengine loads ``init_cfg=dict(type='Pretrained', ...)`` leniently: tensors that do not match are left at random
    and a warning scrolls by. Here each tensor has to match. Works for backbones of any package.

    Args:
        module (str): Module of the model to check. Defaults to 'backbone'.
    """

    priority = 'VERY_HIGH'

    def __init__(self, module: str = 'backbone') -> None:
        self.module = module
        self.wanted: Optional[Tensors] = None

    def before_run(self, runner: Runner) -> None:
        """Compare names and shapes, before mmengine loads anything; a test loads a whole model after that.

        Raises:
            FileNotFoundError: There is no such checkpoint.
            ValueError: Tensors are missing, left over or of another shape, or the prefix does not occur (the message
                has the lists); parts are frozen although nothing is loaded; or the neck expects other channels.
        """
        if not trains(runner):
            return
        module = model_of(runner).get_submodule(self.module)
        init_cfg = pretrained(module)
        check_channels(model_of(runner))
        if init_cfg is None:
            if not runner._load_from and not runner._resume:
                check_nothing_frozen(module, f'model.{self.module}')
            runner.logger.info(f'model.{self.module} starts at random: its init_cfg names no checkpoint.')
            return
        where, path = f'model.{self.module}.init_cfg.checkpoint', init_cfg['checkpoint']
        # mmengine looks for the prefix in the names as they stand, with what a wrapper put before them
        found = read_state_dict(path, where, wrapper='')
        wanted = self.wanted = select(found, init_cfg.get('prefix') or '', module, f'{where}: {path}')
        state = module.state_dict()
        expected = {name: state[name] for name in state if name in wanted or not name.endswith('num_batches_tracked')}
        matched = sum(name in expected and expected[name].shape == value.shape for name, value in wanted.items())
        check_fit(
            expected,
            wanted,
            f'{where}: {path} does not fit {type(module).__name__}: {matched} of its {len(expected)} tensors '
            'match the checkpoint. Is it of another depth or width? Another ResNet needs model.backbone.depth and '
            'model.neck.in_channels.',
        )

    def before_train(self, runner: Runner) -> None:
        """Compare the values, once all is initialized, unless a whole model was loaded after that.

        Raises:
            ValueError: Something replaced the tensors that the checkpoint gave.
        """
        if self.wanted is None or runner._resume or runner._load_from:
            return
        state = model_of(runner).get_submodule(self.module).state_dict()
        changed = [
            name for name, v in self.wanted.items() if not torch.equal(state[name].cpu(), v.to(state[name].dtype))
        ]
        if changed:
            raise ValueError(
                f'{len(changed)} tensors of model.{self.module} lost what their checkpoint holds before '
                f'training began: {", ".join(changed[:20])}. Was the model initialized by hand?'
            )
        runner.logger.info(f'model.{self.module}: all {len(self.wanted)} tensors come from its checkpoint.')
        self.wanted = None


def pretrained(module: nn.Module) -> Optional[dict]:
    """The ``Pretrained`` entry of a module's ``init_cfg``, if it has one."""
    entries = getattr(module, 'init_cfg', None) or []
    entries = [entries] if isinstance(entries, dict) else entries
    return next((entry for entry in entries if entry.get('type') == 'Pretrained'), None)


@torch.no_grad()
def check_channels(model: Any) -> None:
    """Compare the channels that a detector's neck expects with those of the backbone's maps, by a small image."""
    expected = getattr(getattr(model, 'neck', None), 'in_channels', None)
    if not isinstance(expected, (list, tuple)):
        return
    training, weight = model.training, next(model.parameters())
    model.eval()
    features = model.backbone(weight.new_zeros(1, 3, 64, 64))
    model.train(training)
    found = [feature.shape[1] for feature in features]
    if found != list(expected):
        raise ValueError(
            f'model.neck.in_channels is {list(expected)}, but the maps of model.backbone have {found} channels: '
            f'--cfg-options model.neck.in_channels="{str(found).replace(" ", "")}"'
        )


def check_nothing_frozen(module: nn.Module, name: str) -> None:
    """Refuse a module that starts at random and keeps stages, or the statistics of batch normalization, as they are."""
    thawed = dict(frozen_stages=-1, norm_eval=False)
    options = {key: value for key, value in thawed.items() if getattr(module, key, value) != value}
    if options:
        raise ValueError(
            f'{name} starts at random, but {" and ".join(options)} keep parts of it as they are. Set '
            f'{name}.init_cfg.checkpoint, or let all of it train: --cfg-options '
            + ' '.join(f'{name}.{key}={value}' for key, value in options.items())
        )


def select(found: Tensors, prefix: str, module: nn.Module, where: str) -> Tensors:
    """The tensors below a prefix, without it; without a prefix, those that are not of a classifier's head."""
    chosen = {name[len(prefix) :]: value for name, value in found.items() if name.startswith(prefix)}
    children = {name for name, _ in module.named_children()}
    if not prefix:
        chosen = {name: value for name, value in chosen.items() if name.split('.')[0] in children}
    if not chosen:
        prefixes = sorted({name.split('.')[0] + '.' for name in found})
        bare = ' (or to None: it looks like a bare backbone)' if children & {p[:-1] for p in prefixes} else ''
        raise ValueError(
            f'{where} has no tensor that begins with {prefix!r}. Its names begin with: '
            f'{", ".join(prefixes)}. Set init_cfg.prefix to the one that holds the backbone{bare}.'
        )
    return chosen


@HOOKS.register_module()
class ClassCountHook(NumClassCheckHook):
    """Compare the classes of the data with every head, of classifiers and detectors, before the first step.

    mmdet's hook does this for detectors with assertions; here the error says what to set. Images without labels are
    refused where labels are all that a model learns from.
    """

    def before_train(self, runner: Runner) -> None:
        """Compare the names of the training set with all others: labels are numbers, which mean classes in their order.

        Raises:
            ValueError: A name has another number in the validation set, or in the checkpoint of a teacher or of a
                frozen classifier, or such a checkpoint learned a class whose folder is empty; or the model needs
                labels, and there are none.
        """
        model = model_of(runner)
        check_labels_are_there(model, runner.train_dataloader.dataset)
        numbers: Dict[str, List[int]] = {}
        for i, name in enumerate(listed(classes_of(runner.train_dataloader))):
            numbers.setdefault(name, []).append(i)  # ImageNet has two cranes
        others = {
            'val_dataloader.dataset': runner.val_loop and classes_of(runner.val_dataloader),
            'model.teacher.checkpoint': getattr(getattr(model, 'teacher', None), 'learned_classes', None),
            'model.init_cfg.checkpoint': getattr(model, 'learned_classes', None),
        }
        for other, names in others.items():
            for i, name in enumerate(listed(names)):
                if i not in numbers.get(name, [i]):
                    raise ValueError(
                        f'Class {name!r} is number {numbers[name][0]} in train_dataloader.dataset and number {i} in '
                        f'{other}: give both the same metainfo.classes, in the same order (for folders, the same '
                        'folders).'
                    )
        for where in ('model.teacher.checkpoint', 'model.init_cfg.checkpoint'):
            check_folders_are_filled(runner.train_dataloader.dataset, listed(others[where]), where)

    def _check_head(self, runner: Runner, mode: str) -> None:  # mmdet's, private: called before an epoch
        check_heads(model_of(runner), getattr(runner, f'{mode}_dataloader'), f'{mode}_dataloader')

    def before_test_epoch(self, runner: Runner) -> None:
        """Check before a test as well."""
        self._check_head(runner, 'test')


def parts_of(dataset: Any) -> List[Any]:
    """The data sets inside of wrappers such as ``ConcatDataset``."""
    inner = getattr(dataset, 'datasets', None) or [part for part in [getattr(dataset, 'dataset', None)] if part]
    return [part for one in inner for part in parts_of(one)] if inner else [dataset]


def check_labels_are_there(model: nn.Module, dataset: Any) -> None:
    """Refuse images without labels, by mmpretrain's ``with_label``, for a model that learns nothing from them."""
    parts = parts_of(dataset)
    without = [part for part in parts if getattr(part, 'with_label', True) is False]
    knows, mimics = hasattr(model, 'num_views'), hasattr(model, 'criterion')  # our classifiers; our distillers
    if without and not (knows and (mimics or len(without) < len(parts))):
        raise ValueError(
            f'train_dataloader.dataset: {without[0].img_prefix or without[0].data_root} has no labels, but '
            f'{type(model).__name__} learns from labels{" alone" if not knows else ", and there are no others"}. '
            'Distill on these images (mmhssakd.HSSAKD), or use a data set with labels.'
        )


def check_folders_are_filled(dataset: Any, learned: Sequence[str], where: str) -> None:
    """Refuse a class folder without images whose class a checkpoint learned; of others mmpretrain warns."""
    for part in parts_of(dataset):
        for name in sorted(set(getattr(part, 'folder_to_idx', ())) & set(learned)):
            folder = join_path(part.img_prefix, name)
            if not any(map(part.is_valid_file, list_dir_or_file(folder, list_dir=False, recursive=True))):
                raise ValueError(f'{folder} holds no image, but {where} learned the class {name!r}: restore them.')


def classes_of(loader: DataLoader) -> Any:
    """Class names of a data loader's data set, as they were given; None if it has none."""
    return (getattr(loader.dataset, 'metainfo', None) or {}).get('classes')


def listed(classes: Any) -> Sequence[str]:
    """Names of classes; none if there are none, or a single string, which :func:`check_heads` refuses."""
    return () if classes is None or isinstance(classes, str) else classes


def check_heads(model: nn.Module, loader: DataLoader, where: str) -> None:
    """Compare the number of classes of one data set with all heads that have one output a class."""
    classes = classes_of(loader)
    if isinstance(classes, str):
        raise ValueError(
            f'{where}.dataset.metainfo.classes is the string {classes!r}: write a tuple of names, '
            f'({classes!r}, ) for a single one.'
        )
    for name, head in model.named_modules() if classes is not None else ():
        count = getattr(head, 'num_classes', None)
        heads_of_classes = name.endswith('head') and not name.endswith(('rpn_head', 'semantic_head'))
        if heads_of_classes and isinstance(count, int) and count != len(classes):
            raise ValueError(
                f'model.{name}.num_classes is {count}, but {where}.dataset has {len(classes)} classes '
                f'({", ".join(map(str, classes[:5]))}{", ..." if len(classes) > 5 else ""}). Set both to the same: '
                f"model.{name}.num_classes, and the data set's metainfo.classes (for a detector, "
                '--cfg-options class_names="[name,...]" sets both).'
            )
