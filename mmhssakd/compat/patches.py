"""Changes to other packages inside a ``with`` block, each with its reason and how long it is needed."""

from contextlib import contextmanager
from multiprocessing.pool import ThreadPool
from typing import Iterator
from unittest import mock

from mmdet.evaluation.functional import mean_ap
from mmengine.model import BaseModule


@contextmanager
def no_init_report() -> Iterator[None]:
    """Initialize modules without mmengine's line in the log for every tensor.

    Each branch is initialized by itself, so there would be many times the model's own lines. Until
    ``BaseModule.init_weights`` has an option for it, which mmengine 0.10 lacks.
    """
    with mock.patch.object(BaseModule, '_dump_init_info', lambda self: None):
        yield


@contextmanager
def voc_ap_in_threads() -> Iterator[None]:
    """Compute mmdet's VOC AP in threads, and print the first IoU threshold's table only.

    mmdet forks four processes for every threshold, out of a process that runs threads of torch, and leaves some of
    them behind. Until ``eval_map`` works without a pool; mmdet 3.3 makes one even for ``nproc=1``.
    """
    tables = iter([mean_ap.print_map_summary])

    def print_first(*args, **kwargs) -> None:
        for print_table in tables:
            print_table(*args, **kwargs)

    with mock.patch.multiple(mean_ap, Pool=ThreadPool, print_map_summary=print_first):
        yield
