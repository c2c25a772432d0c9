# A laptop-sized Faster R-CNN on any folder of images with boxes, from the students of configs/photos, all of it trained:
#   python tools/train.py configs/detection/faster-rcnn_r8_fpn_photos.py --cfg-options data_root=FOLDER
_base_ = './faster-rcnn_r8_fpn_fashion-scenes.py'

data_root = 'data/mine'
scale = (160, 160)

train_pipeline = _base_.train_pipeline
train_pipeline[2].scale = scale
test_pipeline = _base_.test_pipeline
test_pipeline[1].scale = scale
test_pipeline[-1].meta_keys = (*test_pipeline[-1].meta_keys, 'instances')  # the metric's ground truth
folder = dict(_delete_=True, type='mmhssakd.DetectionFolder', data_root=data_root)
train_dataloader = dict(
    dataset=dict(dataset=dict(folder, split='train', filter_cfg=dict(filter_empty_gt=True), pipeline=train_pipeline))
)
val_dataloader = dict(dataset=dict(folder, split='val', test_mode=True, pipeline=test_pipeline))
test_dataloader = val_dataloader
val_evaluator = dict(_delete_=True, type='CocoMetric', metric='bbox')
test_evaluator = val_evaluator

model = dict(
    data_preprocessor=dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375]),
    backbone=dict(
        stem_channels=16,
        base_channels=16,
        frozen_stages=-1,
        norm_eval=False,
        init_cfg=dict(type='Pretrained', checkpoint='work_dirs/hssakd_r8_photos/epoch_32.pth', prefix='backbone.'),
    ),
    neck=dict(in_channels=[16, 32, 64]),
)
