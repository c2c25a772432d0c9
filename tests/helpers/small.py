"""Small models for tests."""

from mmpretrain.structures import DataSample

R8 = dict(type='mmhssakd.CIFARResNet', depth=8, stem_channels=8, base_channels=8)
HEAD = dict(type='LinearClsHead', num_classes=10, in_channels=32)
TAPS = ('layer1', 'layer2', 'layer3')


def config(**kwargs) -> dict:
    return dict(
        dict(
            type='SSAClassifier',
            backbone=dict(R8),
            neck=dict(type='GlobalAveragePooling'),
            head=dict(HEAD),
            auxiliary_neck=dict(taps=TAPS),
        ),
        **kwargs,
    )


def samples(labels) -> list:
    return [DataSample().set_gt_label(label) for label in labels]
