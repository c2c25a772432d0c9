# SSDLite with the distilled MobileNetV3 on any folder with boxes. See faster-rcnn_r18_fpn_folder.py.
_base_ = ['./ssdlite_mobilenetv2_folder.py', '../_base_/distilled_mobilenetv3.py']

model = dict(
    backbone=_base_.distilled_mobilenetv3,
    neck=dict(in_channels=_base_.ssdlite_channels[:2], out_channels=_base_.ssdlite_channels),
    bbox_head=dict(in_channels=_base_.ssdlite_channels),
)
