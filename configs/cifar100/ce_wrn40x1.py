# WRN-40-1 alone, with cross-entropy.
_base_ = '../_base_/cifar100.py'

model = dict(backbone=dict(type='mmhssakd.CIFARWideResNet', depth=40, widen_factor=1), head=dict(in_channels=64))
