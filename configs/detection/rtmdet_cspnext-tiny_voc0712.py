# RTMDet-tiny with the distilled CSPNeXt-tiny on VOC 07+12 trainval, tested on VOC 07.
_base_ = './rtmdet_cspnext-tiny_coco.py'

data_root = _base_.voc_root
trainval = dict(
    _delete_=True,
    type='ConcatDataset',
    ignore_keys=['dataset_type'],
    datasets=[dict(dataset, pipeline=_base_.load_pipeline) for dataset in _base_.voc_trainval],
)
train_dataloader = dict(dataset=dict(dataset=trainval))
val_dataloader = dict(dataset=dict(_base_.voc_test, _delete_=True, pipeline=_base_.test_pipeline))
test_dataloader = val_dataloader
val_evaluator = _base_.voc_evaluator
test_evaluator = _base_.voc_evaluator
model = dict(bbox_head=dict(num_classes=20))
