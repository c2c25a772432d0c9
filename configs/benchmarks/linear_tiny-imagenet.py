# Linear probe on Tiny-ImageNet (data/tiny-imagenet-200).
_base_ = '../_base_/linear_probe.py'

model = dict(head=dict(num_classes=200))
data_preprocessor = dict(num_classes=200)
train_dataloader = dict(
    batch_size=64,
    num_workers=2,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type='mmhssakd.TinyImageNet',
        data_root='data/tiny-imagenet-200',
        split='train',
        pipeline=[dict(type='LoadImageFromFile')] + _base_.train_pipeline))
val_dataloader = dict(
    batch_size=250,
    num_workers=2,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='mmhssakd.TinyImageNet',
        data_root='data/tiny-imagenet-200',
        split='val',
        pipeline=[dict(type='LoadImageFromFile')] + _base_.test_pipeline))
test_dataloader = val_dataloader
