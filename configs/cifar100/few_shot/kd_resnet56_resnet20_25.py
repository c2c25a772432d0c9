# Few-shot: plain KD, ResNet-56 -> ResNet-20, on a quarter of the images of each class.
_base_ = './hssakd_resnet56_resnet20_25.py'

model = dict(auxiliary_neck=None, views=None)
