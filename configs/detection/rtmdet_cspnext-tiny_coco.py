# RTMDet-tiny with the distilled CSPNeXt-tiny on COCO (mmdet's recipe). Mosaic and MixUp are those without a cache:
# a resumed run could not restore it.
_base_ = ['mmdet::rtmdet/rtmdet_tiny_8xb32-300e_coco.py', '../_base_/voc0712.py']

custom_imports = dict(imports=['mmhssakd'])
runner_type = 'mmhssakd.Runner'
custom_hooks = [
    _base_.custom_hooks[0],  # EMA
    dict(type='PipelineSwitchHook', switch_epoch=280, switch_pipeline=_base_.train_pipeline_stage2[2:]),
    dict(type='mmhssakd.PretrainedCheckHook'),
]

model = dict(
    # as the student saw the images: mmdet's own has BGR
    data_preprocessor=dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], bgr_to_rgb=True),
    backbone=dict(init_cfg=dict(checkpoint='work_dirs/hssakd_cspnext-tiny_imagenet/epoch_100.pth')),
)

load_pipeline = _base_.train_pipeline[:2]
train_pipeline = [
    dict(type='Mosaic', img_scale=(640, 640), pad_val=114.0),
    *_base_.train_pipeline[3:8],  # resize, crop, color, flip, pad
    dict(type='MixUp', img_scale=(640, 640), ratio_range=(1.0, 1.0), pad_val=114.0),
    _base_.train_pipeline[9],
]
train_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='MultiImageMixDataset',
        dataset=dict(_base_.train_dataloader.dataset, pipeline=load_pipeline),
        pipeline=train_pipeline,
    )
)
auto_scale_lr = dict(base_batch_size=256)
