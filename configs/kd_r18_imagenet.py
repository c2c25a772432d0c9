# Plain KD with the same distiller, from mmpretrain's ResNet-34: p on unrotated images only, no branches.
_base_ = ['./hssakd_r18_imagenet.py', './_base_/published.py']

model = dict(
    auxiliary_neck=None,
    views=None,
    teacher=dict(config='mmpretrain::resnet/resnet34_8xb32_in1k.py', checkpoint=_base_.published_r34),
)
