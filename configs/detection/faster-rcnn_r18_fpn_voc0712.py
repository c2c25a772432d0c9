# Faster R-CNN with the distilled ResNet-18, trained on VOC 07+12 trainval, tested on VOC 07 (mmdet's recipe).
# Another start is one option: --cfg-options model.backbone.init_cfg.checkpoint=PATH, or a random one:
# model.backbone.init_cfg=None model.backbone.frozen_stages=-1 model.backbone.norm_eval=False.
_base_ = ['mmdet::pascal_voc/faster-rcnn_r50_fpn_1x_voc0712.py', '../_base_/distilled_detector.py']

model = dict(backbone=_base_.distilled_r18, neck=dict(in_channels=_base_.distilled_r18_channels))
val_evaluator = _base_.voc_evaluator
test_evaluator = _base_.voc_evaluator
