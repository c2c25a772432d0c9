# HSSAKD, ResNet-34 -> MobileNetV3-large on ImageNet, by the recipe of hssakd_r18_imagenet.py.
_base_ = './hssakd_r18_imagenet.py'

model = dict(
    backbone=dict(_delete_=True, type='MobileNetV3', arch='large'),
    head=dict(in_channels=960),
    auxiliary_neck=dict(
        taps=('layer3', 'layer6', 'layer12', 'layer15'),
        chain=tuple(f'layer{i}' for i in range(3, 17)),
        repeat=('layer13', 'layer14', 'layer15'),
    ),
)
