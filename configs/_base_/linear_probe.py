# The paper's linear probe: the backbone frozen and in eval mode, a new linear layer, 100 epochs, SGD 0.1 / 10 at
# 30, 60 and 90, batch 64, no weight decay, Nesterov. The backbone's checkpoint is one option:
# --cfg-options model.backbone.init_cfg.checkpoint=PATH
_base_ = ['mmpretrain::_base_/default_runtime.py', './mmhssakd.py']

custom_hooks = _base_.custom_hooks + [dict(type='mmhssakd.PretrainedCheckHook')]

model = dict(
    type='ImageClassifier',
    backbone=dict(
        type='mmhssakd.CIFARResNet',
        depth=20,
        frozen_stages=3,
        norm_eval=True,
        init_cfg=dict(
            type='Pretrained', checkpoint='work_dirs/hssakd_resnet56_resnet20/epoch_240.pth', prefix='backbone.'
        ),
    ),
    neck=dict(type='GlobalAveragePooling'),
    head=dict(type='LinearClsHead', num_classes=10, in_channels=64),
)

optim_wrapper = dict(optimizer=dict(type='SGD', lr=0.1, momentum=0.9, weight_decay=0, nesterov=True))
param_scheduler = dict(type='MultiStepLR', by_epoch=True, milestones=[30, 60, 90], gamma=0.1)
train_cfg = dict(by_epoch=True, max_epochs=100, val_interval=10)
val_cfg = dict()
test_cfg = dict()
val_evaluator = dict(type='Accuracy', topk=(1, 5))
test_evaluator = val_evaluator
auto_scale_lr = dict(base_batch_size=64)
default_hooks = dict(checkpoint=dict(interval=10, max_keep_ckpts=1))

# images of 32x32, normalized as CIFAR-100's
data_preprocessor = dict(num_classes=10, mean=[129.304, 124.070, 112.434], std=[68.170, 65.392, 70.418], to_rgb=True)
train_pipeline = [
    dict(type='Resize', scale=32),
    dict(type='RandomCrop', crop_size=32, padding=4),
    dict(type='RandomFlip', prob=0.5, direction='horizontal'),
    dict(type='PackInputs'),
]
test_pipeline = [dict(type='Resize', scale=32), dict(type='PackInputs')]

# a probe adds the data sets
train_dataloader = dict(batch_size=64, num_workers=2, sampler=dict(type='DefaultSampler', shuffle=True))
val_dataloader = dict(batch_size=250, num_workers=2, sampler=dict(type='DefaultSampler', shuffle=False))
test_dataloader = val_dataloader
