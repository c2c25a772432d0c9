# HSSAKD, WRN-40-2 -> WRN-16-2, from the jointly trained teacher.
_base_ = './ce_wrn16x2.py'

model = dict(
    type='mmhssakd.HSSAKD',
    auxiliary_neck=dict(type='mmhssakd.AuxiliaryNeck'),
    teacher=dict(config='{{ fileDirname }}/teacher_wrn40x2.py', checkpoint='work_dirs/teacher_wrn40x2/epoch_240.pth'),
)
