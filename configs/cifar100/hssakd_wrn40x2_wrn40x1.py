# HSSAKD, WRN-40-2 -> WRN-40-1, from the jointly trained teacher.
_base_ = './ce_wrn40x1.py'

model = dict(
    type='mmhssakd.HSSAKD',
    auxiliary_neck=dict(type='mmhssakd.AuxiliaryNeck'),
    teacher=dict(config='{{ fileDirname }}/teacher_wrn40x2.py', checkpoint='work_dirs/teacher_wrn40x2/epoch_240.pth'),
)
