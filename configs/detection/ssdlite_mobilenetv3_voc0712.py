# SSDLite with the distilled MobileNetV3 on VOC 07+12.
_base_ = ['./ssdlite_mobilenetv2_voc0712.py', '../_base_/distilled_mobilenetv3.py']

model = dict(
    backbone=_base_.distilled_mobilenetv3,
    neck=dict(in_channels=_base_.ssdlite_channels[:2], out_channels=_base_.ssdlite_channels),
    bbox_head=dict(in_channels=_base_.ssdlite_channels),
)
