# HSSAKD, ResNet-34 -> timm's MobileNetV4 on ImageNet, by the recipe of hssakd_r18_imagenet.py. Needs timm.
_base_ = './hssakd_r18_imagenet.py'

stages = [f'timm_model.blocks.{i}' for i in range(5)]
model = dict(
    backbone=dict(_delete_=True, type='mmhssakd.TimmBackbone', model_name='mobilenetv4_conv_small'),
    neck=None,
    head=dict(in_channels=1280),
    auxiliary_neck=dict(
        taps=stages[:4],
        chain=stages + [f'timm_model.{name}' for name in ('global_pool', 'conv_head', 'norm_head', 'act2')],
        repeat=stages[3:4],
    ),
)
