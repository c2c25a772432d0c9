# Plain KD, ResNet-32x4 -> ShuffleNetV2: p on unrotated images only, no branches.
_base_ = './hssakd_resnet32x4_shufflenetv2.py'

model = dict(auxiliary_neck=None, views=None)
