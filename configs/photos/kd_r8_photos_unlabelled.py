# Plain KD, given the same.
_base_ = './hssakd_r8_photos_unlabelled.py'

model = dict(auxiliary_neck=None, views=None)
