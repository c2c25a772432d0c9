# Faster R-CNN with timm's distilled MobileNetV4 on any folder in VOC's layout.
_base_ = ['./faster-rcnn_r18_fpn_custom-voc.py', '../_base_/distilled_mobilenetv4.py']

model = dict(backbone=_base_.distilled_mobilenetv4, neck=dict(in_channels=_base_.distilled_mobilenetv4_channels))
