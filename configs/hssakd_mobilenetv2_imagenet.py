# HSSAKD, ResNet-34 -> MobileNetV2 on ImageNet: a student that is no ResNet, by the recipe of hssakd_r18_imagenet.py.
_base_ = './hssakd_r18_imagenet.py'

model = dict(
    backbone=dict(_delete_=True, type='MobileNetV2'),
    head=dict(in_channels=1280),
    auxiliary_neck=dict(
        taps=('layer2', 'layer3', 'layer5', 'layer7'),
        chain=('layer2', 'layer3', 'layer4', 'layer5', 'layer6', 'layer7', 'conv2'),
        repeat=('layer6', 'layer7'),
    ),
)
