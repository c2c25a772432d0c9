# HSSAKD, ResNet-32x4 -> ShuffleNetV2, from the jointly trained teacher.
_base_ = './ce_shufflenetv2.py'

model = dict(
    type='mmhssakd.HSSAKD',
    auxiliary_neck=dict(type='mmhssakd.AuxiliaryNeck'),
    teacher=dict(
        config='{{ fileDirname }}/teacher_resnet32x4.py', checkpoint='work_dirs/teacher_resnet32x4/epoch_240.pth'
    ),
)
