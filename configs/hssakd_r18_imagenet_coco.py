# HSSAKD on ImageNet and, without labels, on COCO's training images: a backbone that has seen its detector's domain.
_base_ = './hssakd_r18_imagenet.py'

coco = dict(
    type='mmhssakd.UnlabelledImages', data_root='data/coco', data_prefix='train2017', pipeline=_base_.train_pipeline
)
train_dataloader = dict(
    dataset=dict(
        _delete_=True, type='ConcatDataset', ignore_keys=['classes'], datasets=[_base_.train_dataloader.dataset, coco]
    )
)
