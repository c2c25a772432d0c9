# WRN-40-1 and its branches, trained jointly from scratch.
_base_ = './ce_wrn40x1.py'

model = dict(type='mmhssakd.SSAClassifier', auxiliary_neck=dict(type='mmhssakd.AuxiliaryNeck'))
