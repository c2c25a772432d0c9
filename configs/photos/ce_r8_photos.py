# The student alone: a plain mmpretrain classifier on 50 labeled images of each class.
_base_ = '../_base_/photos.py'

model = dict(
    type='ImageClassifier',
    backbone=dict(type='mmhssakd.CIFARResNet', depth=8, stem_channels=16, base_channels=16),
    neck=dict(type='GlobalAveragePooling'),
    head=dict(type='LinearClsHead', num_classes=40, in_channels=64),
)
