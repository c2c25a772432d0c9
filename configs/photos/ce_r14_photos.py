# The network that becomes the teacher, on all images.
_base_ = './ce_r8_photos.py'

model = dict(backbone=dict(depth=14, stem_channels=24, base_channels=24), head=dict(in_channels=96))
train_dataloader = dict(batch_size=64, dataset=dict(num_images=20000))
auto_scale_lr = dict(base_batch_size=64)
max_epochs = 20
train_cfg = dict(max_epochs=max_epochs, val_interval=max_epochs)
param_scheduler = dict(total_steps=max_epochs, end=max_epochs)
