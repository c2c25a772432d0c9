# ResNet-50 for CIFAR, mmpretrain's own and its branches, trained jointly from scratch.
_base_ = './ce_resnet50.py'

model = dict(type='mmhssakd.SSAClassifier', auxiliary_neck=dict(type='mmhssakd.AuxiliaryNeck'))
