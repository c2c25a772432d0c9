# MobileNetV2, half width and its branches, trained jointly from scratch.
_base_ = './ce_mobilenetv2.py'

model = dict(type='mmhssakd.SSAClassifier', auxiliary_neck=dict(type='mmhssakd.AuxiliaryNeck'))
