# Few-shot: ResNet-20 alone, on a quarter of the images of each class.
# Another part, or another choice: train_dataloader.dataset.fraction and .seed.
_base_ = '../ce_resnet20.py'

train_dataloader = dict(
    dataset=dict(
        _delete_=True, type='mmhssakd.StratifiedSubset', fraction=0.25, seed=0, dataset=_base_.train_dataloader.dataset
    )
)
