# The student alone: a plain mmpretrain classifier.
_base_ = '../_base_/fashion_mnist.py'

model = dict(
    type='ImageClassifier',
    backbone=dict(type='mmhssakd.CIFARResNet', depth=8, stem_channels=8, base_channels=8),
    neck=dict(type='GlobalAveragePooling'),
    head=dict(type='LinearClsHead', num_classes=10, in_channels=32),
)

# with 64 images a step, 600 steps were too few for HSSAKD: its training loss hardly fell in the first third of them
train_dataloader = dict(batch_size=32)
auto_scale_lr = dict(base_batch_size=32)
