# WRN-16-2 and its branches, trained jointly from scratch.
_base_ = './ce_wrn16x2.py'

model = dict(type='mmhssakd.SSAClassifier', auxiliary_neck=dict(type='mmhssakd.AuxiliaryNeck'))
