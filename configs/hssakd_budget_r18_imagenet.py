# The recipe for little time: p alone on crops of which half are mixed, and a teacher that is asked once for each crop.
_base_ = './kd_r18_imagenet.py'

model = dict(loss_weight=dict(task=0.25), teacher=dict(cache='work_dirs/hssakd_budget_r18_imagenet/teacher.npy'))
train_dataloader = dict(
    dataset=dict(_delete_=True, type='mmhssakd.FixedCrops', crops=8, mixed=0.5, dataset=_base_.train_dataloader.dataset)
)
