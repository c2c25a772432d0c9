"""Stop a run whose data and model disagree on the number of classes."""

from typing import Any

from mmdet.engine.hooks import NumClassCheckHook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from torch.utils.data import DataLoader

from mmhssakd.registry import HOOKS


def classes_of(loader: DataLoader) -> Any:
    """Class names of a data loader's data set, as they were given; None if it has none."""
    return (getattr(loader.dataset, 'metainfo', None) or {}).get('classes')


@HOOKS.register_module()
class ClassCountHook(NumClassCheckHook):
    """Compare the classes of the data with every head, of classifiers and detectors, before the first step.

    mmdet's hook does this for detectors with assertions; here the error says what to set.
    """

    def before_train(self, runner: Runner) -> None:
        """Compare the names of both data sets: labels are numbers, which mean the classes in their order.

        Raises:
            ValueError: A name has another number in the one than in the other.
        """
        if runner.val_loop is None:
            return
        train, val = (classes_of(loader) for loader in (runner.train_dataloader, runner.val_dataloader))
        if not train or not val or isinstance(train, str) or isinstance(val, str):
            return
        numbers = {name: i for i, name in enumerate(train)}
        for i, name in enumerate(val):
            if numbers.get(name, i) != i:
                raise ValueError(
                    f'Class {name!r} is number {numbers[name]} in train_dataloader.dataset and number {i} '
                    'in val_dataloader.dataset: give both the same metainfo.classes, in the same order '
                    '(for folders, the same folders).'
                )

    def _check_head(self, runner: Runner, mode: str) -> None:
        loader = runner.train_dataloader if mode == 'train' else runner.val_dataloader
        self.check(runner, loader, f'{mode}_dataloader')

    def before_test_epoch(self, runner: Runner) -> None:
        """Check before a test as well."""
        self.check(runner, runner.test_dataloader, 'test_dataloader')

    def check(self, runner: Runner, loader: DataLoader, where: str) -> None:
        """Compare one data set with the model.

        Raises:
            ValueError: A head has another number of classes than the data set.
        """
        classes = classes_of(loader)
        if classes is None:
            return
        if isinstance(classes, str):
            raise ValueError(
                f'{where}.dataset.metainfo.classes is the string {classes!r}: write a tuple of names, '
                f'({classes!r}, ) for a single one.'
            )
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        for name, head in model.named_modules():
            if self.counts(name, head) and head.num_classes != len(classes):
                raise ValueError(
                    f'model.{name}.num_classes is {head.num_classes}, but {where}.dataset has {len(classes)} classes '
                    f'({", ".join(map(str, classes[:5]))}{", ..." if len(classes) > 5 else ""}). Set both to the same: '
                    f"model.{name}.num_classes, and the data set's metainfo.classes (for a detector, "
                    '--cfg-options class_names="[name,...]" sets both).'
                )

    @staticmethod
    def counts(name: str, module: Any) -> bool:
        """Whether a module is a head that has one output a class of the data."""
        return (
            isinstance(getattr(module, 'num_classes', None), int)
            and name.endswith('head')
            and not name.endswith(('rpn_head', 'semantic_head'))
        )
