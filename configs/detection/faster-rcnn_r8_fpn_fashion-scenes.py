# A laptop-sized Faster R-CNN on tools/dataset_converters/make_fashion_scenes.py's scenes: the students of
# configs/fashion_mnist as backbones, a narrow FPN, few anchors and RoIs, a small box head.
_base_ = './faster-rcnn_r18_fpn_custom-voc.py'

data_root = 'data/fashion-scenes'
class_names = ('T-shirt/top', 'Trouser', 'Pullover', 'Dress', 'Coat', 'Sandal', 'Shirt', 'Sneaker', 'Bag', 'Ankle boot')
scale = (112, 112)

train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations', with_bbox=True),
    dict(type='Resize', scale=scale, keep_ratio=True),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackDetInputs'),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=scale, keep_ratio=True),
    dict(type='LoadAnnotations', with_bbox=True),
    dict(type='PackDetInputs', meta_keys=('img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor')),
]
train_dataloader = dict(
    batch_size=4,
    num_workers=1,
    dataset=dict(
        times=1, dataset=dict(data_root=data_root, metainfo=dict(classes=class_names), pipeline=train_pipeline)
    ),
)
val_dataloader = dict(
    batch_size=25,
    num_workers=1,
    dataset=dict(data_root=data_root, metainfo=dict(classes=class_names), pipeline=test_pipeline),
)
test_dataloader = val_dataloader
val_evaluator = dict(
    _delete_=True,
    type='mmhssakd.VOCMetric',
    iou_thrs=[0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95],
    eval_mode='area',
)
test_evaluator = val_evaluator

rpn_proposals = dict(nms_pre=300, max_per_img=100)
model = dict(
    data_preprocessor=dict(mean=[72.94] * 3, std=[90.02] * 3, pad_size_divisor=8),  # as the students saw it
    backbone=dict(
        _delete_=True,
        type='mmhssakd.CIFARResNet',
        depth=8,
        stem_channels=8,
        base_channels=8,
        out_indices=(0, 1, 2),
        frozen_stages=1,
        norm_eval=True,
        init_cfg=dict(
            type='Pretrained', checkpoint='work_dirs/quickstart/seed_0/hssakd_r8/epoch_80.pth', prefix='backbone.'
        ),
    ),
    neck=dict(in_channels=[8, 16, 32], out_channels=32, start_level=1, num_outs=3),
    rpn_head=dict(in_channels=32, feat_channels=32, anchor_generator=dict(scales=[8], strides=[2, 4, 8])),
    roi_head=dict(
        bbox_roi_extractor=dict(
            roi_layer=dict(sampling_ratio=1), out_channels=32, featmap_strides=[2, 4, 8], finest_scale=14
        ),
        bbox_head=dict(in_channels=32, fc_out_channels=128, num_classes=len(class_names)),
    ),
    train_cfg=dict(
        rpn=dict(sampler=dict(num=128)), rpn_proposal=rpn_proposals, rcnn=dict(sampler=dict(num=32, pos_fraction=0.5))
    ),
    test_cfg=dict(rpn=rpn_proposals, rcnn=dict(max_per_img=30)),
)

max_epochs = 12
train_cfg = dict(max_epochs=max_epochs, val_interval=max_epochs)
# AdamW: its training loss fell faster in these few steps than that of the recipe's SGD (one seed, one arm)
optim_wrapper = dict(
    optimizer=dict(_delete_=True, type='AdamW', lr=1e-3, weight_decay=0.01), clip_grad=dict(max_norm=10)
)
param_scheduler = [
    dict(
        type='OneCycleLR',
        eta_max=1e-3,
        total_steps=max_epochs,
        end=max_epochs,
        by_epoch=True,
        convert_to_iter_based=True,
    )
]
auto_scale_lr = dict(base_batch_size=4)
default_hooks = dict(logger=dict(interval=20), checkpoint=dict(interval=5, max_keep_ckpts=1))
