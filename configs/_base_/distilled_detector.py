# What our detectors add to mmdet's: checks, and a ResNet-18 that takes its weights from a distillation checkpoint.
_base_ = ['./mmhssakd.py', './voc0712.py']

custom_hooks = _base_.custom_hooks + [dict(type='mmhssakd.PretrainedCheckHook')]

distilled_r18 = dict(
    depth=18,
    frozen_stages=1,
    norm_eval=True,
    init_cfg=dict(type='Pretrained', checkpoint='work_dirs/hssakd_r18_imagenet/epoch_100.pth', prefix='backbone.'),
)
distilled_r18_channels = [64, 128, 256, 512]
