# The teacher: ce_r8x2.py keeps its weights, only the branches train.
_base_ = './ce_r8x2.py'

model = dict(
    type='mmhssakd.SSAClassifier',
    frozen=True,
    init_cfg=dict(type='Pretrained', checkpoint='work_dirs/ce_r8x2/epoch_8.pth'),
    auxiliary_neck=dict(type='mmhssakd.AuxiliaryNeck'),
)
max_epochs = 2
train_cfg = dict(max_epochs=max_epochs, val_interval=max_epochs)
param_scheduler = dict(total_steps=max_epochs, end=max_epochs)
default_hooks = dict(checkpoint=dict(interval=1))
