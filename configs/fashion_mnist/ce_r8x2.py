# The network of the teacher: twice as wide, on twelve times the images.
_base_ = './ce_r8.py'

model = dict(backbone=dict(stem_channels=16, base_channels=16), head=dict(in_channels=64))
train_dataloader = dict(batch_size=64, dataset=dict(num_images=12000))
auto_scale_lr = dict(base_batch_size=64)
max_epochs = 8
train_cfg = dict(max_epochs=max_epochs, val_interval=max_epochs)
optim_wrapper = dict(optimizer=dict(lr=0.1))
param_scheduler = dict(eta_max=0.1, total_steps=max_epochs, end=max_epochs)
