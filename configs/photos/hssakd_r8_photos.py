# HSSAKD on 50 labeled images of each class.
_base_ = './ce_r8_photos.py'

model = dict(
    type='mmhssakd.HSSAKD',
    auxiliary_neck=dict(type='mmhssakd.AuxiliaryNeck'),
    teacher=dict(
        config='{{ fileDirname }}/teacher_r14_frozen_photos.py',
        checkpoint='work_dirs/teacher_r14_frozen_photos/epoch_4.pth',
    ),
)
