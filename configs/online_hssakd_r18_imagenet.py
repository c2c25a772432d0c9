# Online HSSAKD: two ResNet-18 on ImageNet that teach each other.
_base_ = ['mmpretrain::resnet/resnet18_8xb32_in1k.py', './_base_/mmhssakd.py']

_backbone = dict(_base_.model.backbone, zero_init_residual=False)  # as in the released code
_peer = dict(
    _base_.model, type='mmhssakd.SSAClassifier', backbone=_backbone, auxiliary_neck=dict(type='mmhssakd.AuxiliaryNeck')
)
model = dict(_delete_=True, type='mmhssakd.OnlineHSSAKD', peers=[_peer, _peer])
val_evaluator = dict(type='mmhssakd.PeersAccuracy')
test_evaluator = dict(type='mmhssakd.PeersAccuracy')
