# The recipe for little time on images of RandAugment (arXiv 1909.13719), with those of its operations that gray images allow.
_base_ = './hssakd_budget_r8.py'

operations = [
    dict(type='Rotate', magnitude_range=(0, 30)),
    dict(type='Posterize', magnitude_range=(4, 0)),
    dict(type='Brightness', magnitude_range=(0, 0.9)),
    dict(type='Sharpness', magnitude_range=(0, 0.9)),
    *(
        dict(type=move, magnitude_range=(0, size), direction=direction)
        for move, size in (('Shear', 0.3), ('Translate', 0.45))
        for direction in ('horizontal', 'vertical')
    ),
]
model = dict(teacher=dict(cache='work_dirs/fashion_mnist/randaugment_r8/teacher.npy'))
train_dataloader = dict(
    dataset=dict(
        dataset=dict(
            dataset=dict(
                pipeline=[
                    dict(type='RandomCrop', crop_size=28, padding=2),
                    dict(type='RandomFlip', prob=0.5, direction='horizontal'),
                    dict(
                        type='RandAugment',
                        policies=operations,
                        num_policies=2,
                        magnitude_level=9,
                        magnitude_std=0.5,
                        hparams=dict(pad_val=0),
                    ),
                    dict(type='PackInputs'),
                ]
            )
        )
    )
)
