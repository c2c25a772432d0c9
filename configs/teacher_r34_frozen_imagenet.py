# The frozen teacher: mmpretrain's ResNet-34 keeps its weights, only the branches train.
_base_ = ['./teacher_r34_imagenet.py', './_base_/published.py']

model = dict(frozen=True, init_cfg=dict(type='Pretrained', checkpoint=_base_.published_r34))
