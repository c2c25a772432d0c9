# Plain KD with the same distiller: p on unrotated images only, no branches.
_base_ = './hssakd_r18_imagenet.py'

model = dict(auxiliary_neck=None, views=None)
