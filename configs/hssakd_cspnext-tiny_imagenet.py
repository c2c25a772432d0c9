# HSSAKD, ResNet-34 -> CSPNeXt-tiny (RTMDet-tiny's backbone, mmdet's class) on ImageNet, as hssakd_r18_imagenet.py.
_base_ = './hssakd_r18_imagenet.py'

model = dict(
    backbone=dict(
        _delete_=True,
        type='mmdet.CSPNeXt',
        deepen_factor=0.167,
        widen_factor=0.375,
        out_indices=(4,),
        norm_cfg=dict(type='BN'),  # RTMDet's epsilon, not the default of the class
    ),
    head=dict(in_channels=384),
    auxiliary_neck=dict(taps=('stage1', 'stage2', 'stage3', 'stage4')),
)
