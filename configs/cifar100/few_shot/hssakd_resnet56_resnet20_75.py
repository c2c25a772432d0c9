# The same with 75 % of the images.
_base_ = './hssakd_resnet56_resnet20_25.py'

train_dataloader = dict(dataset=dict(fraction=0.75))
