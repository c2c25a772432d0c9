# Linear probe on STL-10 (data/stl10_binary).
_base_ = '../_base_/linear_probe.py'

data = dict(type='mmhssakd.STL10', data_root='data/stl10_binary')
train_dataloader = dict(dataset=dict(data, split='train', pipeline=_base_.train_pipeline))
val_dataloader = dict(dataset=dict(data, split='test', pipeline=_base_.test_pipeline))
test_dataloader = val_dataloader
