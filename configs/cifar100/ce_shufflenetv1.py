# ShuffleNetV1 alone, with cross-entropy.
_base_ = '../_base_/cifar100.py'

model = dict(backbone=dict(type='mmhssakd.CIFARShuffleNetV1'), head=dict(in_channels=960))

optim_wrapper = dict(optimizer=dict(lr=0.01))
