# The frozen teacher: mmpretrain's ResNet-34 keeps its weights, only the branches train.
_base_ = './teacher_r34_imagenet.py'

model = dict(
    frozen=True,
    init_cfg=dict(
        type='Pretrained',
        checkpoint='https://download.openmmlab.com/mmclassification/v0/resnet/resnet34_8xb32_in1k_20210831-f257d4e6.pth',
    ),
)
