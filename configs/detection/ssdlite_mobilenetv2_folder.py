# SSDLite with the distilled MobileNetV2 on any folder with boxes. See faster-rcnn_r18_fpn_folder.py.
_base_ = './ssdlite_mobilenetv2_coco.py'

data_root = 'data/mine'

folder = dict(_delete_=True, type='mmhssakd.DetectionFolder', data_root=data_root)
filter_cfg = dict(filter_empty_gt=True)
train_dataloader = dict(
    dataset=dict(dataset=dict(folder, split='train', filter_cfg=filter_cfg, pipeline=_base_.train_pipeline))
)
test_pipeline = _base_.test_pipeline
test_pipeline[-1].meta_keys = (*test_pipeline[-1].meta_keys, 'instances')  # the metric's ground truth
val_dataloader = dict(dataset=dict(folder, split='val', test_mode=True, pipeline=test_pipeline))
test_dataloader = val_dataloader
val_evaluator = dict(_delete_=True, type='CocoMetric', metric='bbox')
test_evaluator = val_evaluator
