# The student alone: a plain mmpretrain classifier.
_base_ = '../_base_/fashion_mnist.py'

model = dict(
    type='ImageClassifier',
    backbone=dict(type='mmhssakd.CIFARResNet', depth=8, stem_channels=8, base_channels=8),
    neck=dict(type='GlobalAveragePooling'),
    head=dict(type='LinearClsHead', num_classes=10, in_channels=32))
