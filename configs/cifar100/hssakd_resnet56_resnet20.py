# HSSAKD, ResNet-56 -> ResNet-20, from the jointly trained teacher.
_base_ = './ce_resnet20.py'

model = dict(
    type='mmhssakd.HSSAKD',
    auxiliary_neck=dict(type='mmhssakd.AuxiliaryNeck'),
    teacher=dict(config='{{ fileDirname }}/teacher_resnet56.py', checkpoint='work_dirs/teacher_resnet56/epoch_240.pth'),
)
