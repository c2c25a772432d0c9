# HSSAKD on labeled photographs and, without labels, on as many random squares of a detector's own training images, in as
# many steps: a backbone that has seen the domain.
#   python tools/train.py configs/photos/hssakd_r8_photos_own.py --cfg-options train_dataloader.dataset.datasets.1.data_root=FOLDER
_base_ = './hssakd_r8_photos_unlabelled.py'

model = dict(loss_weight=dict(task=0.5))  # the labeled share
others = dict(
    type='mmhssakd.UnlabelledImages',
    data_root='data/mine',
    data_prefix='JPEGImages',
    ann_file='ImageSets/Main/trainval.txt',
    pipeline=[
        dict(type='LoadImageFromFile'),
        dict(type='RandomResizedCrop', scale=32, crop_ratio_range=(0.05, 1.0)),
        dict(type='RandomFlip', prob=0.5, direction='horizontal'),
        dict(type='PackInputs'),
    ],
)
train_dataloader = dict(
    sampler=dict(shares=(1, 1)), dataset=dict(datasets=[_base_.train_dataloader.dataset.datasets[0], others])
)
max_epochs = 16
train_cfg = dict(max_epochs=max_epochs, val_interval=max_epochs)
param_scheduler = dict(total_steps=max_epochs, end=max_epochs)
