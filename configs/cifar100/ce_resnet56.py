# ResNet-56 alone, with cross-entropy.
_base_ = '../_base_/cifar100.py'

model = dict(backbone=dict(type='mmhssakd.CIFARResNet', depth=56), head=dict(in_channels=64))
