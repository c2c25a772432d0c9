# The jointly trained teacher ("Teacher*"): ResNet-34 and its branches from scratch.
_base_ = ['mmpretrain::resnet/resnet34_8xb32_in1k.py', './_base_/mmhssakd.py']

model = dict(
    type='mmhssakd.SSAClassifier',
    backbone=dict(zero_init_residual=False),  # as in the released code
    auxiliary_neck=dict(type='mmhssakd.AuxiliaryNeck'),
)
