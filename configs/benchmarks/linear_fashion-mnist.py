# Few-shot linear probe that any machine can run: the quickstart's students on 500 training images of Fashion-MNIST
# drawn with another seed than those that they were trained on (some may be the same).
_base_ = ['../_base_/fashion_mnist.py']

custom_hooks = _base_.custom_hooks + [dict(type='mmhssakd.PretrainedCheckHook')]

model = dict(
    type='ImageClassifier',
    backbone=dict(
        type='mmhssakd.CIFARResNet',
        depth=8,
        stem_channels=8,
        base_channels=8,
        frozen_stages=3,
        norm_eval=True,
        init_cfg=dict(
            type='Pretrained', checkpoint='work_dirs/quickstart/seed_0/hssakd_r8/epoch_80.pth', prefix='backbone.'
        ),
    ),
    neck=dict(type='GlobalAveragePooling'),
    head=dict(type='LinearClsHead', num_classes=10, in_channels=32),
)

train_dataloader = dict(dataset=dict(num_images=500, seed=2026))
max_epochs = 100
train_cfg = dict(max_epochs=max_epochs, val_interval=max_epochs)
optim_wrapper = dict(optimizer=dict(lr=0.1, weight_decay=0))
param_scheduler = dict(_delete_=True, type='MultiStepLR', by_epoch=True, milestones=[30, 60, 90], gamma=0.1)
default_hooks = dict(checkpoint=dict(interval=50))
