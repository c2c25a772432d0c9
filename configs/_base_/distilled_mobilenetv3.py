# A MobileNetV3-large that takes its weights from a distillation checkpoint, for SSDLite.
distilled_mobilenetv3 = dict(
    _delete_=True,
    type='mmpretrain.MobileNetV3',
    arch='large',
    out_indices=(12, 16),  # strides 16 and 32
    init_cfg=dict(
        type='Pretrained', checkpoint='work_dirs/hssakd_mobilenetv3_imagenet/epoch_100.pth', prefix='backbone.'
    ),
)
ssdlite_channels = [112, 960, 512, 256, 256, 128]
