# Any folder of images with boxes, in VOC's layout, COCO's json or YOLO's txt files, with splits train and val:
#   python tools/train.py configs/detection/faster-rcnn_r18_fpn_folder.py --cfg-options data_root=data/mine
# tools/train.py and test.py read the classes there, and give the heads their number.
_base_ = './faster-rcnn_r18_fpn_voc0712.py'

data_root = 'data/mine'

train_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='RepeatDataset',
        times=3,
        dataset=dict(
            type='mmhssakd.DetectionFolder',
            data_root=data_root,
            split='train',
            filter_cfg=dict(filter_empty_gt=True),
            pipeline=_base_.train_pipeline,
        ),
    )
)
test_pipeline = _base_.test_pipeline
test_pipeline[-1].meta_keys = (*test_pipeline[-1].meta_keys, 'instances')  # the metric's ground truth
val_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='mmhssakd.DetectionFolder',
        data_root=data_root,
        split='val',
        test_mode=True,
        pipeline=test_pipeline,
    )
)
test_dataloader = val_dataloader
val_evaluator = dict(_delete_=True, type='CocoMetric', metric='bbox')
test_evaluator = val_evaluator
