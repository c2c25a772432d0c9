# Linear probe on STL-10 (data/stl10_binary).
_base_ = '../_base_/linear_probe.py'

train_dataloader = dict(
    batch_size=64,
    num_workers=2,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type='mmhssakd.STL10', data_root='data/stl10_binary', split='train', pipeline=_base_.train_pipeline))
val_dataloader = dict(
    batch_size=250,
    num_workers=2,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(type='mmhssakd.STL10', data_root='data/stl10_binary', split='test', pipeline=_base_.test_pipeline))
test_dataloader = val_dataloader
