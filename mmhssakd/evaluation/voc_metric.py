"""mmdet's VOC metric without forked processes."""

from typing import Dict

from mmdet.evaluation.metrics import VOCMetric as MMDetVOCMetric

from mmhssakd.compat.patches import voc_ap_in_threads
from mmhssakd.registry import METRICS


@METRICS.register_module()
class VOCMetric(MMDetVOCMetric):
    """VOC AP, the same numbers as mmdet's metric, computed in threads; the log shows the first threshold's table.

    All arguments are those of mmdet's ``VOCMetric``.
    """

    def compute_metrics(self, results: list) -> Dict[str, float]:
        """Compute the metrics from the processed results, see mmdet."""
        with voc_ap_in_threads():
            return super().compute_metrics(results)
