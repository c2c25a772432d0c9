# ShuffleNetV2 and its branches, trained jointly from scratch.
_base_ = './ce_shufflenetv2.py'

model = dict(type='mmhssakd.SSAClassifier', auxiliary_neck=dict(type='mmhssakd.AuxiliaryNeck'))
