# One auxiliary branch after each of a ResNet's four stages.
model = dict(
    auxiliary_neck=dict(type='mmhssakd.AuxiliaryNeck', taps=('layer1', 'layer2', 'layer3', 'layer4')))
