# HSSAKD, ResNet-34 -> ResNet-18 on ImageNet, sharded: for students that do not fit a GPU, give a bigger backbone.
_base_ = ['./hssakd_r18_imagenet.py', './_base_/fsdp.py']

runner_type = 'mmhssakd.FlexibleRunner'
