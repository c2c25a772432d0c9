# VGG-13 with batch norm and its branches, trained jointly from scratch.
_base_ = './ce_vgg13.py'

model = dict(type='mmhssakd.SSAClassifier', auxiliary_neck=dict(type='mmhssakd.AuxiliaryNeck'))
