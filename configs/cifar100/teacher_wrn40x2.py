# WRN-40-2 and its branches, trained jointly from scratch.
_base_ = './ce_wrn40x2.py'

model = dict(type='mmhssakd.SSAClassifier', auxiliary_neck=dict(type='mmhssakd.AuxiliaryNeck'))
