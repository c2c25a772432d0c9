# HSSAKD on these images and three times as many without labels in each batch, in as many steps.
_base_ = './hssakd_r8_photos.py'

model = dict(loss_weight=dict(task=0.25))  # the labeled share: the mean over fewer images is noisier
others = dict(
    type='mmhssakd.UnlabelledImages', data_root=_base_.data_root, data_prefix='train', pipeline=_base_.train_pipeline
)
train_dataloader = dict(
    sampler=dict(_delete_=True, type='mmhssakd.SharesSampler', shares=(1, 3)),
    dataset=dict(
        _delete_=True, type='ConcatDataset', ignore_keys=['classes'], datasets=[_base_.train_dataloader.dataset, others]
    ),
)
max_epochs = 8
train_cfg = dict(max_epochs=max_epochs, val_interval=max_epochs)
param_scheduler = dict(total_steps=max_epochs, end=max_epochs)
