# Plain KD, VGG-13 -> MobileNetV2: p on unrotated images only, no branches.
_base_ = './hssakd_vgg13_mobilenetv2.py'

model = dict(auxiliary_neck=None, views=None)
