# The same from mmpretrain's ResNet-18, which no teacher taught: the start to compare distilled ones with.
_base_ = ['./faster-rcnn_r18_fpn_voc0712.py', '../_base_/published.py']

model = dict(backbone=dict(init_cfg=dict(checkpoint=_base_.published_r18)))
