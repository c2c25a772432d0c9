# The frozen teacher: ResNet-50 keeps its weights, only the branches train, 100 epochs, /10 at 30, 60, 90.
_base_ = './teacher_resnet50.py'

model = dict(frozen=True, init_cfg=dict(type='Pretrained', checkpoint='work_dirs/ce_resnet50/epoch_240.pth'))
train_cfg = dict(max_epochs=100)
param_scheduler = dict(milestones=[30, 60, 90])
