"""A detector of mmdet as one network that can be exported to ONNX.

mmdet's own modules compute features, scores and boxes. What its Python code does by shapes that depend on the data
(filters, NMS, RoIs by level) is here with fixed ones.
"""

from typing import Any, Tuple

import torch
import torch.nn as nn
import torch.nn.functional as F
from mmdet.models.dense_heads import RetinaHead, RPNHead, RTMDetHead
from mmdet.models.roi_heads import StandardRoIHead
from mmengine.config import ConfigDict
from torch import Tensor

HEADS = (RPNHead, StandardRoIHead, RetinaHead, RTMDetHead)
Tensors = Tuple[Tensor, ...]


@torch.library.custom_op('mmhssakd::nms', mutates_args=())
def nms(boxes: Tensor, scores: Tensor, iou_threshold: float, score_threshold: float, count: int) -> Tensor:
    """Indices (count,) of the best boxes (N, 4) that no better one overlaps, and then -1."""
    kept = (scores > score_threshold).nonzero().squeeze(1)
    kept = kept[torch.ops.torchvision.nms(boxes[kept], scores[kept], iou_threshold)][:count]
    return F.pad(kept, (0, count - len(kept)), value=-1)


nms.register_fake(lambda boxes, scores, iou_threshold, score_threshold, count: boxes.new_empty(count, dtype=torch.long))


def onnx_nms(boxes: Any, scores: Any, iou_threshold: float, score_threshold: float, count: int) -> Any:
    """The same in ONNX's operators. That of ``torchvision.nms`` has no limit, and takes seconds for 10,000 boxes."""
    from onnxscript import opset18

    op: Any = opset18
    boxes, scores = op.Unsqueeze(boxes, [0]), op.Unsqueeze(scores, [0, 1])
    kept = op.NonMaxSuppression(boxes, scores, count, iou_threshold, score_threshold)  # rows of image, class, box
    kept = op.Concat(op.Reshape(op.Slice(kept, [2], [3], [1]), [-1]), op.Expand([-1], [count]), axis=0)
    return op.Slice(kept, [0], [count], [0])


TRANSLATIONS = {torch.ops.mmhssakd.nms.default: onnx_nms}  # for torch.onnx.export's custom_translation_table


def suppress(boxes: Tensor, scores: Tensor, groups: Tensor, cfg: ConfigDict) -> Tensor:
    """Indices (max_per_img,) of what a head's ``test_cfg`` keeps of boxes (N, 4) in groups (N,), and then -1."""
    threshold, smallest = float(cfg.get('score_thr', 0)), cfg.get('min_bbox_size', -1)
    if smallest >= 0:
        scores = scores.where((boxes[:, 2:] - boxes[:, :2] > smallest).all(1), threshold)
    farthest = boxes.where((scores > threshold)[:, None], 0).max()
    apart = boxes + (groups.to(boxes) * (farthest + 1))[:, None]  # as in mmcv, to the rounding
    return nms(apart, scores, float(cfg.nms.iou_threshold), threshold, cfg.max_per_img)


class DetectorGraph(nn.Module):
    """A one-stage detector or a Faster R-CNN as a network of tensors.

    Args:
        detector (nn.Module): A detector of mmdet in eval mode.

    Raises:
        ValueError: Its heads or its NMS are of another kind.
    """

    def __init__(self, detector: nn.Module) -> None:
        super().__init__()
        self.detector: Any = detector
        self.roi_head: Any = getattr(detector, 'roi_head', None)
        self.dense_head: Any = getattr(detector, 'bbox_head' if self.roi_head is None else 'rpn_head', None)
        for head in (self.dense_head, self.roi_head or self.dense_head):
            if not isinstance(head, HEADS) or head.test_cfg.nms.get('type', 'nms') != 'nms':
                raise ValueError(
                    f'{type(detector).__name__} with {type(head).__name__} cannot be exported: a head must be one of '
                    f"{', '.join(kind.__name__ for kind in HEADS)}, and its test_cfg.nms of type 'nms'."
                )

    def forward(self, images: Tensor, size: Tensor) -> Tensors:
        """Detect objects in one image.

        Args:
            images (Tensor): The normalized image (1, 3, H, W), which may be padded at the right and at the bottom.
            size (Tensor): Its height and width (2,) without the padding: boxes end there.

        Returns:
            tuple[Tensor]: Boxes (K, 4), x1, y1, x2, y2 in pixels of the input; scores (K,), descending; labels (K,).
        """
        features, border = self.detector.extract_feat(images), size.flip(0).repeat(2)
        boxes, scores, labels, levels = self.propose(features, border)
        if self.roi_head is not None:
            kept = suppress(boxes, scores, levels, self.dense_head.test_cfg)
            boxes, scores, labels = self.refine(features, boxes[kept], kept >= 0, border)
        kept = suppress(boxes, scores, labels, (self.roi_head or self.dense_head).test_cfg)
        kept = kept[(kept >= 0).nonzero().squeeze(1)]
        return boxes[kept], scores[kept], labels[kept]

    def propose(self, features: Tensors, border: Tensor) -> Tensors:
        """Boxes (N, 4), scores, labels and levels (N,) of the dense head: the best ``nms_pre`` of each level."""
        head, found = self.dense_head, []
        maps = head(features)
        priors = head.prior_generator.grid_priors([scores.shape[2:] for scores in maps[0]], device=border.device)
        for level, (scores, deltas) in enumerate(zip(*maps)):
            scores = scores[0].permute(1, 2, 0).reshape(-1, head.cls_out_channels)
            scores = scores.sigmoid() if head.use_sigmoid_cls else scores.softmax(-1)[:, :-1]
            classes, scores = scores.shape[1], scores.flatten()
            best = torch.arange(len(scores))
            if 0 < head.test_cfg.nms_pre < len(scores):
                scores, best = scores.topk(head.test_cfg.nms_pre)
            places = best // classes
            deltas = deltas[0].permute(1, 2, 0).reshape(-1, 4)[places]
            boxes = head.bbox_coder.decode(priors[level][places], deltas).clamp(min=0).minimum(border)
            found.append((boxes, scores, best % classes, torch.full_like(best, level)))
        return tuple(torch.cat(parts) for parts in zip(*found))

    def refine(self, features: Tensors, boxes: Tensor, real: Tensor, border: Tensor) -> Tensors:
        """Boxes, scores and labels of the box head, for each proposal (P, 4) and class; scores are 0 if not real."""
        head = self.roi_head.bbox_head
        logits, deltas = head(self.pool(features, F.pad(boxes, (1, 0))))
        scores = logits.softmax(-1)[:, :-1] * real[:, None]
        boxes = boxes.repeat_interleave(deltas.shape[1] // 4, dim=0)
        boxes = head.bbox_coder.decode(boxes, deltas.reshape(-1, 4)).clamp(min=0).minimum(border)
        boxes = boxes.reshape(len(scores), -1, 4).expand(-1, head.num_classes, 4).reshape(-1, 4)
        return boxes, scores.flatten(), torch.arange(head.num_classes).repeat(len(scores))

    def pool(self, features: Tensors, rois: Tensor) -> Tensor:
        """RoIAlign of RoIs (P, 5), each on the level that its size asks for."""
        extractor = self.roi_head.bbox_roi_extractor
        levels = extractor.map_roi_levels(rois, extractor.num_inputs)
        pooled = rois.new_zeros(len(rois), extractor.out_channels, *extractor.roi_layers[0].output_size)
        for level, (layer, feature) in enumerate(zip(extractor.roi_layers, features)):
            own = (levels == level).nonzero().squeeze(1)
            options = (layer.spatial_scale, *layer.output_size, layer.sampling_ratio, layer.aligned)
            pooled = pooled.index_put((own,), torch.ops.torchvision.roi_align(feature, rois[own], *options))
        return pooled
