# Plain KD, WRN-40-2 -> ShuffleNetV1: p on unrotated images only, no branches.
_base_ = './hssakd_wrn40x2_shufflenetv1.py'

model = dict(auxiliary_neck=None, views=None)
