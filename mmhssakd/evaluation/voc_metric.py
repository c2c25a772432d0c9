"""mmdet's VOC metric without forked processes, and with one table instead of one for every IoU threshold."""

from multiprocessing.pool import ThreadPool
from typing import Dict

from mmdet.evaluation.functional import mean_ap
from mmdet.evaluation.metrics import VOCMetric as MMDetVOCMetric

from mmhssakd.registry import METRICS


@METRICS.register_module()
class VOCMetric(MMDetVOCMetric):
    """VOC AP, the same numbers as mmdet's metric, computed by threads; the log shows the first threshold's table.

    mmdet forks four processes for every IoU threshold, out of a process that runs threads of torch, and leaves some of
    them behind. All arguments are those of mmdet's ``VOCMetric``.
    """

    def compute_metrics(self, results: list) -> Dict[str, float]:
        """Compute the metrics from the processed results, see mmdet."""
        forked, print_table = mean_ap.Pool, mean_ap.print_map_summary

        def print_first(*args, **kwargs) -> None:
            print_table(*args, **kwargs)
            mean_ap.print_map_summary = lambda *args, **kwargs: None

        mean_ap.Pool, mean_ap.print_map_summary = ThreadPool, print_first
        try:
            return super().compute_metrics(results)
        finally:
            mean_ap.Pool, mean_ap.print_map_summary = forked, print_table
