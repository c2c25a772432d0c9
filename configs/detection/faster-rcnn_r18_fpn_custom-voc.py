# Any folder in VOC's layout. Give its path and its class names, for example:
#   python tools/train.py configs/detection/faster-rcnn_r18_fpn_custom-voc.py \
#       --cfg-options data_root=data/mine class_names="[cat,dog]"
# Both options of tools/train.py and test.py reach every data set, and the number of names the heads.
_base_ = './faster-rcnn_r18_fpn_voc0712.py'

data_root = 'data/custom-voc'
class_names = ('first', 'second')

train_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='RepeatDataset',
        times=3,
        dataset=dict(
            type='mmhssakd.VOCFolder',
            data_root=data_root,
            ann_file='ImageSets/Main/trainval.txt',
            metainfo=dict(classes=class_names),
            filter_cfg=dict(filter_empty_gt=True),
            pipeline=_base_.train_pipeline,
        ),
    )
)
val_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='mmhssakd.VOCFolder',
        data_root=data_root,
        ann_file='ImageSets/Main/test.txt',
        metainfo=dict(classes=class_names),
        test_mode=True,
        pipeline=_base_.test_pipeline,
    )
)
test_dataloader = val_dataloader

model = dict(roi_head=dict(bbox_head=dict(num_classes=len(class_names))))
