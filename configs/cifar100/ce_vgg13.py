# VGG-13 with batch norm alone, with cross-entropy.
_base_ = '../_base_/cifar100.py'

model = dict(backbone=dict(type='mmhssakd.CIFARVGG', depth=13), head=dict(in_channels=512))
