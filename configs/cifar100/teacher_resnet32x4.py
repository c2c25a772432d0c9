# ResNet-32x4 and its branches, trained jointly from scratch.
_base_ = './ce_resnet32x4.py'

model = dict(type='mmhssakd.SSAClassifier', auxiliary_neck=dict(type='mmhssakd.AuxiliaryNeck'))
