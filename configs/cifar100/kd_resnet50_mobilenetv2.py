# Plain KD, ResNet-50 -> MobileNetV2: p on unrotated images only, no branches.
_base_ = './hssakd_resnet50_mobilenetv2.py'

model = dict(auxiliary_neck=None, views=None)
