# SSDLite with the distilled MobileNetV2 on VOC 07+12 trainval, tested on VOC 07.
_base_ = './ssdlite_mobilenetv2_coco.py'

data_root = _base_.voc_root
trainval = dict(
    _delete_=True,
    type='ConcatDataset',
    ignore_keys=['dataset_type'],
    datasets=[dict(dataset, pipeline=_base_.train_pipeline) for dataset in _base_.voc_trainval],
)
train_dataloader = dict(dataset=dict(dataset=trainval))
val_dataloader = dict(dataset=dict(_base_.voc_test, _delete_=True, pipeline=_base_.test_pipeline))
test_dataloader = val_dataloader
val_evaluator = _base_.voc_evaluator
test_evaluator = _base_.voc_evaluator
model = dict(bbox_head=dict(num_classes=20))
