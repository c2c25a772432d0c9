# SSDLite with the distilled MobileNetV2 on any folder in VOC's layout. Give its path and its class names, for example:
#   --cfg-options data_root=data/mine class_names="[cat,dog]"
_base_ = './ssdlite_mobilenetv2_coco.py'

data_root = 'data/custom-voc'
class_names = ('first', 'second')

folder = dict(_delete_=True, type='mmhssakd.VOCFolder', data_root=data_root, metainfo=dict(classes=class_names))
trainval = dict(
    folder,
    ann_file='ImageSets/Main/trainval.txt',
    filter_cfg=dict(filter_empty_gt=True),
    pipeline=_base_.train_pipeline,
)
train_dataloader = dict(dataset=dict(dataset=trainval))
val_dataloader = dict(
    dataset=dict(folder, ann_file='ImageSets/Main/test.txt', test_mode=True, pipeline=_base_.test_pipeline)
)
test_dataloader = val_dataloader
val_evaluator = _base_.voc_evaluator
test_evaluator = _base_.voc_evaluator
model = dict(bbox_head=dict(num_classes=len(class_names)))
