# MobileNetV2, half width alone, with cross-entropy.
_base_ = '../_base_/cifar100.py'

model = dict(backbone=dict(type='mmhssakd.CIFARMobileNetV2'), head=dict(in_channels=1280))

optim_wrapper = dict(optimizer=dict(lr=0.01))
