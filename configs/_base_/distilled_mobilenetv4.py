# timm's MobileNetV4 that takes its weights from a distillation checkpoint. Needs timm.
distilled_mobilenetv4 = dict(
    _delete_=True,
    type='mmhssakd.TimmBackbone',
    model_name='mobilenetv4_conv_small',
    out_indices=(1, 2, 3, 4),  # of timm's list: strides 4, 8, 16 and 32
    norm_eval=True,
    init_cfg=dict(
        type='Pretrained', checkpoint='work_dirs/hssakd_timm-mobilenetv4_imagenet/epoch_100.pth', prefix='backbone.'
    ),
)
distilled_mobilenetv4_channels = [32, 64, 96, 960]
