# The frozen teacher: ResNet-32x4 keeps its weights, only the branches train, 100 epochs, /10 at 30, 60, 90.
_base_ = './teacher_resnet32x4.py'

model = dict(frozen=True, init_cfg=dict(type='Pretrained', checkpoint='work_dirs/ce_resnet32x4/epoch_240.pth'))
train_cfg = dict(max_epochs=100)
param_scheduler = dict(milestones=[30, 60, 90])
