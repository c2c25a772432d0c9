# Plain KD, ResNet-56 -> ResNet-20: p on unrotated images only, no branches.
_base_ = './hssakd_resnet56_resnet20.py'

model = dict(auxiliary_neck=None, views=None)
