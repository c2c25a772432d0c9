# HSSAKD, VGG-13 -> MobileNetV2, from the jointly trained teacher.
_base_ = './ce_mobilenetv2.py'

model = dict(
    type='mmhssakd.HSSAKD',
    auxiliary_neck=dict(type='mmhssakd.AuxiliaryNeck'),
    teacher=dict(config='{{ fileDirname }}/teacher_vgg13.py', checkpoint='work_dirs/teacher_vgg13/epoch_240.pth'),
)
