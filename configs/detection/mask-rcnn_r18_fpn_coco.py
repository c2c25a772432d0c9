# Mask R-CNN with the distilled ResNet-18 on COCO, 1x (mmdet's recipe).
_base_ = ['mmdet::mask_rcnn/mask-rcnn_r50_fpn_1x_coco.py', '../_base_/distilled_detector.py']

model = dict(backbone=_base_.distilled_r18, neck=dict(in_channels=_base_.distilled_r18_channels))
