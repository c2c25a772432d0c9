# ResNet-32x4 alone, with cross-entropy.
_base_ = '../_base_/cifar100.py'

model = dict(
    backbone=dict(type='mmhssakd.CIFARResNet', depth=32, stem_channels=32, base_channels=64), head=dict(in_channels=256)
)
