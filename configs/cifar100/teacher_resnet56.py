# ResNet-56 and its branches, trained jointly from scratch.
_base_ = './ce_resnet56.py'

model = dict(type='mmhssakd.SSAClassifier', auxiliary_neck=dict(type='mmhssakd.AuxiliaryNeck'))
