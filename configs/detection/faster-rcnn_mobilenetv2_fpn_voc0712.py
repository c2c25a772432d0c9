# Faster R-CNN with the distilled MobileNetV2, a student that is no ResNet, on VOC 07+12 (mmdet's recipe).
_base_ = './faster-rcnn_r18_fpn_voc0712.py'

model = dict(
    backbone=dict(
        _delete_=True,
        type='mmpretrain.MobileNetV2',  # the student's own class: mmdet's names its tensors differently
        out_indices=(1, 2, 4, 7),  # layer2, layer3, layer5 and conv2: strides 4, 8, 16 and 32
        frozen_stages=2,  # all up to stride 4, as of the ResNets
        norm_eval=True,
        init_cfg=dict(
            type='Pretrained', checkpoint='work_dirs/hssakd_mobilenetv2_imagenet/epoch_100.pth', prefix='backbone.'
        ),
    ),
    neck=dict(in_channels=[24, 32, 96, 1280]),
)
