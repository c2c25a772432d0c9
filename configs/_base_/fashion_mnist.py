# Fashion-MNIST for a machine without a GPU: 28x28, few images for the student, one-cycle SGD.
# tools/dataset_converters/prepare_fashion_mnist.py puts the files into data/fashion-mnist.
_base_ = ['mmpretrain::_base_/default_runtime.py', './mmhssakd.py']

# A gray image minus three means is an image of three channels, as a detector expects.
data_preprocessor = dict(num_classes=10, mean=[72.94] * 3, std=[90.02] * 3)

train_pipeline = [
    dict(type='RandomCrop', crop_size=28, padding=2),
    dict(type='RandomFlip', prob=0.5, direction='horizontal'),
    dict(type='PackInputs'),
]
test_pipeline = [dict(type='PackInputs')]

train_dataloader = dict(
    batch_size=64,
    num_workers=0,  # to hand over many small images takes longer than to load them
    drop_last=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type='mmhssakd.StratifiedSubset',
        num_images=250,
        dataset=dict(
            type='FashionMNIST',
            data_root='data/fashion-mnist',
            split='train',
            indices=50000,
            serialize_data=False,  # to pickle the images takes longer than to read them
            pipeline=train_pipeline,
        ),
    ),
)
# The last training images are held out to choose settings; only test.py, and final sweeps, read the test images.
val_dataloader = dict(
    batch_size=250,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='FashionMNIST',
        data_root='data/fashion-mnist',
        split='train',
        indices=-10000,
        serialize_data=False,
        test_mode=True,
        pipeline=test_pipeline,
    ),
)
val_evaluator = dict(type='Accuracy', topk=(1, 5))
test_dataloader = dict(val_dataloader, dataset=dict(val_dataloader['dataset'], split='test', indices=None))
test_evaluator = val_evaluator

max_epochs = 80
train_cfg = dict(by_epoch=True, max_epochs=max_epochs, val_interval=20)
val_cfg = dict()
test_cfg = dict()
optim_wrapper = dict(optimizer=dict(type='SGD', lr=0.05, momentum=0.9, weight_decay=5e-4, nesterov=True))
param_scheduler = dict(
    type='OneCycleLR', eta_max=0.05, total_steps=max_epochs, end=max_epochs, by_epoch=True, convert_to_iter_based=True
)
auto_scale_lr = dict(base_batch_size=64)
default_hooks = dict(logger=dict(interval=15), checkpoint=dict(interval=5, max_keep_ckpts=2))
