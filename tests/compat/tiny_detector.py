"""Tiny versions of mmdet's detectors, on two random images with two boxes each."""

from pathlib import Path
from typing import Any, Dict, List

import numpy as np
import torch
from mmdet.structures import DetDataSample
from mmdet.structures.mask import BitmapMasks
from mmengine.config import Config, ConfigDict
from mmengine.registry import DefaultScope
from mmengine.structures import InstanceData

from mmhssakd.registry import MODELS

CONFIGS = Path(__file__).parents[2] / 'configs/detection'
SIZE = 64
BOXES = torch.tensor([[4.0, 6, 40, 44], [20, 10, 60, 50]])
WIDTHS = {256: 32, 1024: 32, 128: 16}
CHANNELS = ('in_channels', 'out_channels', 'feat_channels', 'fc_out_channels', 'conv_out_channels')
ATTENTION = ('embed_dims', 'feedforward_channels', 'num_feats')
RTMDET = dict(
    backbone=dict(widen_factor=0.125, norm_cfg=dict(type='BN')),
    neck=dict(in_channels=[32, 64, 128], out_channels=32, norm_cfg=dict(type='BN')),
    bbox_head=dict(in_channels=32, feat_channels=32, norm_cfg=dict(type='BN')),
)
RESNET = dict(backbone=dict(depth=18, base_channels=4, init_cfg=None), neck=dict(in_channels=[4, 8, 16, 32]))
DETR = dict(
    backbone=dict(depth=18, base_channels=4, init_cfg=None),
    neck=dict(in_channels=[8, 16, 32]),
    num_queries=20,
    bbox_head=dict(embed_dims=32),
    encoder=dict(num_layers=1),
    decoder=dict(num_layers=1),
)
DETECTORS = {
    'faster_rcnn/faster-rcnn_r50_fpn_1x_coco.py': RESNET,
    'mask_rcnn/mask-rcnn_r50_fpn_1x_coco.py': RESNET,
    'retinanet/retinanet_r50_fpn_1x_coco.py': RESNET,
    'fcos/fcos_r50-caffe_fpn_gn-head_1x_coco.py': RESNET,
    'atss/atss_r50_fpn_1x_coco.py': RESNET,
    'rtmdet/rtmdet_tiny_8xb32-300e_coco.py': RTMDET,
    'deformable_detr/deformable-detr_r50_16xb2-50e_coco.py': DETR,
}


def narrow(node: Any) -> None:
    """Make the layers of a config narrow, wherever they are."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key in CHANNELS + ATTENTION and isinstance(value, int):
                node[key] = WIDTHS.get(value, value)
            narrow(value)
    elif isinstance(node, (list, tuple)):
        for value in node:
            narrow(value)


def mmdets(name: str) -> ConfigDict:
    """The model of mmdet's config, made tiny."""
    cfg = Config.fromstring(f"_base_ = 'mmdet::{name}'", '.py')
    narrow(cfg.model)
    cfg.merge_from_dict(dict(model=DETECTORS[name]))
    cfg.model.backbone.init_cfg = None
    return cfg.model


def ours() -> ConfigDict:
    """The quickstart's detector, smaller still; its samplers take all there is, so nothing is left to chance."""
    cfg = Config.fromfile(CONFIGS / 'faster-rcnn_r8_fpn_fashion-scenes.py')
    every = dict(sampler=dict(num=100000))
    head = dict(in_channels=8, fc_out_channels=16)
    extractor = dict(out_channels=8, roi_layer=dict(sampling_ratio=0))
    cfg.merge_from_dict(
        dict(
            model=dict(
                neck=dict(out_channels=8),
                rpn_head=dict(in_channels=8, feat_channels=8),
                roi_head=dict(bbox_roi_extractor=extractor, bbox_head=head),
                train_cfg=dict(rpn=every, rcnn=every),
            )
        )
    )
    cfg.model.backbone.init_cfg = None
    return cfg.model


def build(model: dict) -> torch.nn.Module:
    """A detector with weights from a seed of numpy's; its norms start as they are."""
    with DefaultScope.overwrite_default_scope('mmdet'):
        detector = MODELS.build(model)
        detector.init_weights()
    numbers = np.random.RandomState(0)
    with torch.no_grad():
        for parameter in detector.parameters():
            if parameter.dim() > 1:
                value = torch.from_numpy(numbers.standard_normal(parameter.shape)).to(parameter)
                parameter.copy_(value / parameter[0].numel() ** 0.5)
    return detector


def data(with_masks: bool = False) -> Dict[str, List[Any]]:
    """What a data loader of mmdet's gives."""
    masks = np.zeros((2, SIZE, SIZE), dtype=np.uint8)
    masks[:, 12:40, 22:38] = 1
    found = []
    for _ in range(2):
        sample = DetDataSample(metainfo=dict(img_shape=(SIZE, SIZE), ori_shape=(SIZE, SIZE), scale_factor=(1.0, 1.0)))
        sample.gt_instances = InstanceData(bboxes=BOXES.clone(), labels=torch.tensor([0, 1]))
        if with_masks:
            sample.gt_instances.masks = BitmapMasks(masks, SIZE, SIZE)
        sample.ignored_instances = InstanceData(bboxes=torch.zeros(0, 4), labels=torch.zeros(0, dtype=torch.long))
        found.append(sample)
    images = np.random.RandomState(1).randint(0, 255, (2, 3, SIZE, SIZE), dtype=np.uint8)
    return dict(inputs=list(torch.from_numpy(images)), data_samples=found)


def step(detector: torch.nn.Module, optimizer: torch.optim.Optimizer) -> None:
    batch = detector.data_preprocessor(data(getattr(detector, 'with_mask', False)), training=True)
    losses, _ = detector.parse_losses(detector(**batch, mode='loss'))
    optimizer.zero_grad()
    losses.backward()
    torch.nn.utils.clip_grad_norm_(detector.parameters(), 10)
    optimizer.step()


def train() -> Dict[str, torch.Tensor]:
    """Weights of :func:`ours` after two steps."""
    detector = build(ours()).train()
    optimizer = torch.optim.SGD([p for p in detector.parameters() if p.requires_grad], lr=0.02, momentum=0.9)
    for _ in range(2):
        step(detector, optimizer)
    return {name: parameter.detach() for name, parameter in detector.named_parameters()}
