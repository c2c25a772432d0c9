# WRN-16-2 alone, with cross-entropy.
_base_ = '../_base_/cifar100.py'

model = dict(backbone=dict(type='mmhssakd.CIFARWideResNet', depth=16, widen_factor=2), head=dict(in_channels=128))
