# A folder with one subfolder for each class, at 32 pixels, for a machine without a GPU: few labeled images, one-cycle SGD in bfloat16.
_base_ = './fashion_mnist.py'

data_root = 'data/tiny-imagenet-40'
data_preprocessor = dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], to_rgb=True)

train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=(32, 32)),
    dict(type='RandomCrop', crop_size=32, padding=4),
    dict(type='RandomFlip', prob=0.5, direction='horizontal'),
    dict(type='PackInputs'),
]
test_pipeline = [dict(type='LoadImageFromFile'), dict(type='Resize', scale=(32, 32)), dict(type='PackInputs')]

train_dataloader = dict(
    batch_size=32,
    dataset=dict(
        num_images=2000,
        dataset=dict(
            _delete_=True, type='CustomDataset', data_root=data_root, data_prefix='train', pipeline=train_pipeline
        ),
    ),
)
val_dataloader = dict(
    dataset=dict(_delete_=True, type='CustomDataset', data_root=data_root, data_prefix='val', pipeline=test_pipeline)
)
test_dataloader = val_dataloader
optim_wrapper = dict(type='mmhssakd.BF16OptimWrapper', optimizer=dict(lr=0.1))
auto_scale_lr = dict(base_batch_size=32)

max_epochs = 32
train_cfg = dict(max_epochs=max_epochs, val_interval=max_epochs)
param_scheduler = dict(eta_max=0.1, total_steps=max_epochs, end=max_epochs)
