# Plain KD, WRN-40-2 -> WRN-16-2: p on unrotated images only, no branches.
_base_ = './hssakd_wrn40x2_wrn16x2.py'

model = dict(auxiliary_neck=None, views=None)
