# CIFAR-100 with the paper's recipe: SGD 0.05, weight decay 5e-4, batch 64, 240 epochs, /10 at 150, 180, 210.
# A network's own config (configs/cifar100/ce_*.py) adds backbone and head.in_channels.
_base_ = ['mmpretrain::_base_/datasets/cifar100_bs16.py', 'mmpretrain::_base_/default_runtime.py', './mmhssakd.py']

model = dict(
    type='ImageClassifier', neck=dict(type='GlobalAveragePooling'), head=dict(type='LinearClsHead', num_classes=100)
)

train_dataloader = dict(batch_size=64)
val_dataloader = dict(batch_size=250)
val_evaluator = dict(topk=(1, 5))
test_dataloader = dict(batch_size=250)
test_evaluator = dict(topk=(1, 5))

# The paper does not say so, but its released code takes Nesterov's momentum.
optim_wrapper = dict(optimizer=dict(type='SGD', lr=0.05, momentum=0.9, weight_decay=5e-4, nesterov=True))
param_scheduler = dict(type='MultiStepLR', by_epoch=True, milestones=[150, 180, 210], gamma=0.1)
train_cfg = dict(by_epoch=True, max_epochs=240, val_interval=1)
val_cfg = dict()
test_cfg = dict()
auto_scale_lr = dict(base_batch_size=64)
default_hooks = dict(checkpoint=dict(interval=10, max_keep_ckpts=2))
