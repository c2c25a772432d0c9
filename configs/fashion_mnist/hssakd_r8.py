# HSSAKD from the teacher of twice the width.
_base_ = './ce_r8.py'

model = dict(
    type='mmhssakd.HSSAKD',
    auxiliary_neck=dict(type='mmhssakd.AuxiliaryNeck'),
    teacher=dict(config='{{ fileDirname }}/teacher_r8.py', checkpoint='work_dirs/fashion_mnist/teacher_r8/epoch_7.pth'),
)
