# Online HSSAKD: two ShuffleNetV2 that teach each other.
_base_ = './teacher_shufflenetv2.py'

model = dict(_delete_=True, type='mmhssakd.OnlineHSSAKD', peers=[_base_.model, _base_.model])
val_evaluator = dict(type='mmhssakd.PeersAccuracy')
test_evaluator = dict(type='mmhssakd.PeersAccuracy')
