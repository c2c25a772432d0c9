# Linear probe on Tiny-ImageNet (data/tiny-imagenet-200).
_base_ = '../_base_/linear_probe.py'

model = dict(head=dict(num_classes=200))
data_preprocessor = dict(num_classes=200)
data = dict(type='mmhssakd.TinyImageNet', data_root='data/tiny-imagenet-200')
load = [dict(type='LoadImageFromFile')]
train_dataloader = dict(dataset=dict(data, split='train', pipeline=load + _base_.train_pipeline))
val_dataloader = dict(dataset=dict(data, split='val', pipeline=load + _base_.test_pipeline))
test_dataloader = val_dataloader
