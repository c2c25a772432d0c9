# HSSAKD on ImageNet and, without labels, on the images that faster-rcnn_r18_fpn_voc0712.py trains on: a backbone that has
# seen its detector's domain.
_base_ = './hssakd_r18_imagenet.py'

voc = dict(type='mmhssakd.UnlabelledImages', data_root='data/VOCdevkit', pipeline=_base_.train_pipeline)
train_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='ConcatDataset',
        ignore_keys=['classes'],
        datasets=[
            _base_.train_dataloader.dataset,
            dict(voc, data_prefix='VOC2007/JPEGImages', ann_file='VOC2007/ImageSets/Main/trainval.txt'),
            dict(voc, data_prefix='VOC2012/JPEGImages', ann_file='VOC2012/ImageSets/Main/trainval.txt'),
        ],
    )
)
