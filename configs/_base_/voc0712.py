# Pascal VOC 07+12 and its AP in both modes, each with AP50, for configs that put them into their data loaders.
voc_root = 'data/VOCdevkit/'
voc_trainval = [
    dict(
        type='VOCDataset',
        data_root=voc_root,
        ann_file=f'VOC{year}/ImageSets/Main/trainval.txt',
        data_prefix=dict(sub_data_root=f'VOC{year}/'),
        filter_cfg=dict(filter_empty_gt=True, min_size=32, bbox_min_size=32),
    )
    for year in (2007, 2012)
]
voc_test = dict(
    type='VOCDataset',
    data_root=voc_root,
    ann_file='VOC2007/ImageSets/Main/test.txt',
    data_prefix=dict(sub_data_root='VOC2007/'),
    test_mode=True,
)
voc_evaluator = [
    dict(type='mmhssakd.VOCMetric', metric='mAP', eval_mode='11points', prefix='voc_11points'),
    dict(type='mmhssakd.VOCMetric', metric='mAP', eval_mode='area', prefix='voc_area'),
]
