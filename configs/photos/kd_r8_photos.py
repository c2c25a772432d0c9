# Plain KD from the same teacher: p on unrotated images only, no branches.
_base_ = './hssakd_r8_photos.py'

model = dict(auxiliary_neck=None, views=None)
