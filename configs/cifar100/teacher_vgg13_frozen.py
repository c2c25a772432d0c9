# The frozen teacher: VGG-13 with batch norm keeps its weights, only the branches train, 100 epochs, /10 at 30, 60, 90.
_base_ = './teacher_vgg13.py'

model = dict(frozen=True, init_cfg=dict(type='Pretrained', checkpoint='work_dirs/ce_vgg13/epoch_240.pth'))
train_cfg = dict(max_epochs=100)
param_scheduler = dict(milestones=[30, 60, 90])
