# Faster R-CNN with timm's distilled MobileNetV4 on any folder with boxes. See faster-rcnn_r18_fpn_folder.py.
_base_ = ['./faster-rcnn_r18_fpn_folder.py', '../_base_/distilled_mobilenetv4.py']

model = dict(backbone=_base_.distilled_mobilenetv4, neck=dict(in_channels=_base_.distilled_mobilenetv4_channels))
