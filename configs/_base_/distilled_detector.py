# What our detectors add to mmdet's: checks, and a ResNet-18 that takes its weights from a distillation checkpoint.
_base_ = './mmhssakd.py'

custom_hooks = _base_.custom_hooks + [dict(type='mmhssakd.PretrainedCheckHook')]

distilled_r18 = dict(
    depth=18,
    frozen_stages=1,
    norm_eval=True,
    init_cfg=dict(type='Pretrained', checkpoint='work_dirs/hssakd_r18_imagenet/epoch_100.pth', prefix='backbone.'),
)
distilled_r18_channels = [64, 128, 256, 512]

# VOC's AP in both modes, each with AP50.
voc_evaluator = [
    dict(type='mmhssakd.VOCMetric', metric='mAP', eval_mode='11points', prefix='voc_11points'),
    dict(type='mmhssakd.VOCMetric', metric='mAP', eval_mode='area', prefix='voc_area'),
]
