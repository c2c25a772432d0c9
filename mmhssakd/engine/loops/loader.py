"""A data loader that starts at any batch, and whose random augmentation depends on a sample's place in the run."""

import itertools
from functools import partial
from typing import Any, Callable, Dict, Iterator, List, Tuple

from mmengine.dist import get_dist_info
from torch.utils.data import DataLoader, Dataset, Sampler

from .seeds import seed_everything

# What a DataLoader keeps of the arguments that it was built with.
OPTIONS = (
    'num_workers',
    'collate_fn',
    'pin_memory',
    'timeout',
    'worker_init_fn',
    'multiprocessing_context',
    'generator',
    'prefetch_factor',
    'persistent_workers',
)


class Draw(int):
    """Index of a sample that knows its place in the run.

    Args:
        index (int): The index in the data set.
        key (tuple[int]): Numbers that no other sample of the run has; they seed its augmentation.
    """

    def __new__(cls, index: int, key: Tuple[int, ...]) -> 'Draw':
        draw = super().__new__(cls, index)
        draw.key = key
        return draw

    def __getnewargs__(self) -> tuple:  # how it reaches a worker process
        return int(self), self.key


class NumberedBatchSampler(Sampler):
    """The batches of another batch sampler, from any of them on, as lists of :class:`Draw`.

    Batches that are skipped are counted, not loaded.

    Args:
        batch_sampler (Iterable[list[int]]): torch's ``BatchSampler``, or mmdet's by aspect ratio, for example.

    Attributes:
        seed (int): Seed of the run.
        epoch (int): Which pass over the data the next iteration is.
        skip (int): Batches that the next iteration leaves out.
        endless (bool): Begin the next pass by itself, as a loop of iterations needs it.
    """

    def __init__(self, batch_sampler: Any) -> None:
        self.batch_sampler = batch_sampler
        self.seed = self.epoch = self.skip = 0
        self.endless = False

    @property
    def sampler(self) -> Sampler:
        """The sampler of single indices, for mmengine's hooks."""
        return self.batch_sampler.sampler

    @property
    def batch_size(self) -> int:
        """Samples of a batch, for mmengine's ``FlexibleRunner``."""
        return self.batch_sampler.batch_size

    def __len__(self) -> int:
        return len(self.batch_sampler)

    def _batches(self) -> Iterator[List[int]]:
        if not self.endless:
            yield from self.batch_sampler
            return
        for epoch in itertools.count():
            if hasattr(self.sampler, 'set_epoch'):
                self.sampler.set_epoch(epoch)
            yield from self.batch_sampler

    def __iter__(self) -> Iterator[List[Draw]]:
        skip, self.skip = self.skip, 0
        rank, world_size = get_dist_info()
        place = 0
        for number, batch in enumerate(self._batches()):
            if number >= skip:
                # as the default sampler deals the samples out, so that they do not depend on the number of processes
                yield [
                    Draw(index, (self.seed, self.epoch, (place + i) * world_size + rank))
                    for i, index in enumerate(batch)
                ]
            place += len(batch)


def read_items(dataset: Dataset, draws: List[Draw]) -> list:
    """Read the samples of a batch, each with its own random numbers."""
    items = []
    for draw in draws:
        seed_everything(*draw.key, devices=False)
        items.append(dataset[int(draw)])
    return items


def collate(inner: Callable, items: list) -> Any:
    """Put samples together by ``inner``, a collate function; images that differ in size are refused."""
    try:
        return inner(items)
    except RuntimeError:
        sizes: Dict[Tuple[int, ...], Any] = {}
        for item in items:
            sizes.setdefault(tuple(item['inputs'].shape), getattr(item.get('data_samples'), 'img_path', 'an image'))
        if len(sizes) < 2:
            raise
        one, other = (f'{path} is {size[-1]} x {size[-2]}' for size, path in list(sizes.items())[:2])
        raise ValueError(
            f'Images of one batch differ in size: {one}, {other}. The pipeline needs a step that makes them equal, '
            "such as dict(type='Resize', scale=(224, 224)), ResizeEdge with CenterCrop, or RandomResizedCrop."
        ) from None


class ResumableLoader(DataLoader):
    """A data loader over :class:`NumberedBatchSampler`; workers start when the first batch is asked for."""

    @classmethod
    def wrap(cls, loader: DataLoader) -> 'ResumableLoader':
        """Build it from a data loader that mmengine built.

        Raises:
            ValueError: The loader has no batch to give.
        """
        if not len(loader):
            raise ValueError(
                f'train_dataloader gives no batch: its data set holds {len(loader.dataset)} images, which do not fill '
                f'one batch of {getattr(loader, "batch_size", None) or "that size"}. Lower train_dataloader.batch_size '
                'or set train_dataloader.drop_last=False.'
            )
        # torch asks a data set for all items of a batch at once if it has this method
        loader.dataset.__getitems__ = partial(read_items, loader.dataset)
        options = {name: getattr(loader, name) for name in OPTIONS}
        wrapped = cls(loader.dataset, batch_sampler=NumberedBatchSampler(loader.batch_sampler), **options)
        # for hooks such as mmpretrain's PreciseBNHook; torch keeps none beside a batch sampler, and lets none be set
        wrapped.__dict__['batch_size'] = loader.batch_size
        return wrapped

    def __iter__(self) -> Iterator[Any]:  # type: ignore[override]
        yield from super().__iter__()
