# HSSAKD, ResNet-32x4 -> ResNet-8x4, from the jointly trained teacher.
_base_ = './ce_resnet8x4.py'

model = dict(
    type='mmhssakd.HSSAKD',
    auxiliary_neck=dict(type='mmhssakd.AuxiliaryNeck'),
    teacher=dict(
        config='{{ fileDirname }}/teacher_resnet32x4.py', checkpoint='work_dirs/teacher_resnet32x4/epoch_240.pth'
    ),
)
