# The same with 50 % of the images.
_base_ = './ce_resnet20_25.py'

train_dataloader = dict(dataset=dict(fraction=0.50))
