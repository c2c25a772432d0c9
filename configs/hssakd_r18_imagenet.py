# HSSAKD, ResNet-34 -> ResNet-18 on ImageNet: 8 GPUs x 32 images, SGD 0.1, 100 epochs (the paper's recipe).
_base_ = ['mmpretrain::resnet/resnet18_8xb32_in1k.py', './_base_/mmhssakd.py']

model = dict(
    type='mmhssakd.HSSAKD',
    backbone=dict(zero_init_residual=False),  # as in the released code
    auxiliary_neck=dict(type='mmhssakd.AuxiliaryNeck'),
    teacher=dict(
        config='{{ fileDirname }}/teacher_r34_imagenet.py', checkpoint='work_dirs/teacher_r34_imagenet/epoch_100.pth'
    ),
)
