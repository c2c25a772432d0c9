# Plain KD, ResNet-32x4 -> ResNet-8x4: p on unrotated images only, no branches.
_base_ = './hssakd_resnet32x4_resnet8x4.py'

model = dict(auxiliary_neck=None, views=None)
