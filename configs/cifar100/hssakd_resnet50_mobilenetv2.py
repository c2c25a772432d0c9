# HSSAKD, ResNet-50 -> MobileNetV2, from the jointly trained teacher.
_base_ = './ce_mobilenetv2.py'

model = dict(
    type='mmhssakd.HSSAKD',
    auxiliary_neck=dict(type='mmhssakd.AuxiliaryNeck'),
    teacher=dict(config='{{ fileDirname }}/teacher_resnet50.py', checkpoint='work_dirs/teacher_resnet50/epoch_240.pth'),
)
