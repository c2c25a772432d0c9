# The recipe for little time: p alone on crops of which half are mixed, and a teacher that is asked once for each crop.
_base_ = './kd_r8.py'

model = dict(loss_weight=dict(task=0.25), teacher=dict(cache='work_dirs/fashion_mnist/hssakd_budget_r8/teacher.npy'))
train_dataloader = dict(
    dataset=dict(
        _delete_=True, type='mmhssakd.FixedCrops', crops=16, mixed=0.5, dataset=_base_.train_dataloader.dataset
    )
)
