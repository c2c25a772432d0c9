"""The table of docs/your_backbone.md: ``PYTHONPATH=. python tests/helpers/backbone_table.py --write`` writes it.

tests/models/test_backbone_table.py builds and trains every row.
"""

import argparse
import re
from pathlib import Path
from typing import Any, NamedTuple

PAGE = Path(__file__).parents[2] / 'docs/your_backbone.md'
MARKS = '<!-- written by tests/helpers/backbone_table.py -->\n', '<!-- end of the table -->\n'
CONV = dict(type='mmhssakd.ConvBranch')
TOKENS = dict(type='mmhssakd.TransformerBranch')


class Row(NamedTuple):
    """Parts of an ``SSAClassifier``'s config, and the side of the smallest images that the backbone takes."""

    backbone: dict
    auxiliary_neck: dict
    rest: dict
    size: int = 32


def names(prefix: str, *numbers: int) -> tuple:
    return tuple(f'{prefix}{i}' for i in numbers)


def mmpretrain(backbone: str, channels: int, options: dict, branches: dict, **rest: Any) -> Row:
    head = dict(rest.get('head', {}), in_channels=channels)
    return Row(dict(type=backbone, **options), branches, {**rest, 'head': head})


def timm(name: str, channels: int, branch: dict = {}, taps: tuple = (), size: int = 32, **options: Any) -> Row:
    """A network of timm's, which has taps by default; without ``branch``, branches are copies of the later stages."""
    neck = {**(dict(taps=names('timm_model.', *taps)) if taps else {}), **(dict(branch=branch) if branch else {})}
    backbone = dict(type='mmhssakd.TimmBackbone', model_name=name, **options)
    return Row(backbone, neck, dict(neck=None, head=dict(in_channels=channels)), size)


def timm_vit(name: str, channels: int, size: int = 32) -> Row:
    """Without ``dynamic_img_size`` timm's ViTs take images of one size alone."""
    return timm(name, channels, TOKENS, size=size, dynamic_img_size=True)


def torchvision(name: str, channels: int, taps: tuple, branch: dict = {}) -> Row:
    neck = dict(taps=taps, **(dict(branch=branch) if branch else {}))
    return Row(dict(type='mmhssakd.TorchvisionBackbone', name=name), neck, dict(head=dict(in_channels=channels)))


FOUR = range(1, 5)
CONVNEXT = ('stages.0', *(f'{part}.{i}' for i in (1, 2, 3) for part in ('downsample_layers', 'stages')))
MOBILENET = dict(
    taps=names('layer', 2, 3, 5, 7), chain=(*names('layer', *range(2, 8)), 'conv2'), repeat=names('layer', 6, 7)
)
ROWS = [
    mmpretrain('ResNet', 512, dict(depth=18), {}),
    mmpretrain('ResNeXt', 2048, dict(depth=50), {}),
    mmpretrain('RegNet', 384, dict(arch='regnetx_400mf'), {}),
    mmpretrain('DenseNet', 1024, dict(arch='121'), dict(taps=names('stages.', *range(4)), branch=CONV)),
    mmpretrain('ConvNeXt', 768, dict(arch='tiny'), dict(taps=CONVNEXT[::2], chain=CONVNEXT), neck=None),
    mmpretrain('MobileNetV2', 1280, {}, MOBILENET),
    mmpretrain('MobileNetV3', 576, dict(arch='small'), dict(taps=names('layer', 1, 3, 8, 11), branch=CONV)),
    mmpretrain('EfficientNet', 1280, dict(arch='b0'), dict(taps=names('layers.', 2, 3, 4, 5), branch=CONV)),
    mmpretrain(
        'SwinTransformer',
        768,
        dict(arch='tiny', pad_small_map=True),
        dict(taps=names('stages.', *range(4)), branch=TOKENS),
    ),
    mmpretrain(
        'VisionTransformer',
        192,
        dict(arch='deit-tiny'),
        dict(taps=names('layers.', 3, 7, 11), branch=TOKENS),
        neck=None,
        head=dict(type='VisionTransformerClsHead'),
    ),
    timm('resnet18', 512),
    timm('resnext50_32x4d', 2048),
    timm('regnety_002', 368),
    timm('repvgg_a0', 1280, taps=names('stages.', *range(4))),
    timm('convnext_atto', 320, CONV),
    timm('densenet121', 1024, CONV),
    timm('dla34', 512, CONV),
    timm('edgenext_xx_small', 168, CONV),
    timm('poolformer_s12', 512, CONV),
    timm('mobilenetv2_050', 1280, CONV),
    timm('mobilenetv3_small_050', 1024, CONV),
    timm('mobilenetv4_conv_small_035', 1280, CONV),
    timm('ghostnet_100', 1280, CONV),
    timm('efficientnet_b0', 1280, CONV),
    timm('tf_efficientnetv2_b0', 1280, CONV),
    timm('swin_tiny_patch4_window7_224', 768, TOKENS, strict_img_size=False),
    timm_vit('vit_tiny_patch16_224', 192),
    timm_vit('deit_tiny_patch16_224', 192),
    timm_vit('eva02_tiny_patch14_224', 192, 28),
    timm_vit('vit_small_patch14_dinov2', 384, 28),
    timm_vit('vit_small_patch16_dinov3', 384),
    timm_vit('vit_base_patch16_clip_224', 768),
    timm_vit('vit_base_patch16_siglip_224', 768),
    torchvision('resnet18', 512, names('layer', *FOUR)),
    torchvision('regnet_y_400mf', 440, names('trunk_output.block', *FOUR)),
    torchvision('densenet121', 1024, names('features.denseblock', *FOUR), CONV),
    torchvision('mobilenet_v2', 1280, names('features.', 3, 6, 13, 17), CONV),
    torchvision('efficientnet_b0', 1280, names('features.', 2, 3, 5, 7), CONV),
    torchvision('mnasnet0_5', 1280, names('layers.', 8, 9, 11, 13), CONV),
    torchvision('shufflenet_v2_x0_5', 1024, names('stage', 2, 3, 4), CONV),
    torchvision('swin_t', 768, names('features.', 1, 3, 5, 7), TOKENS),
]


def text(options: dict) -> str:
    """A config's keys as they are written in ``dict(...)``."""
    return ', '.join(f'{k}=dict({text(v)})' if isinstance(v, dict) else f'{k}={v!r}' for k, v in options.items())


def page() -> str:
    """The page with the table between its marks."""
    lines = ['| `backbone` | `auxiliary_neck` | rest of the model |', '|---|---|---|']
    for *parts, _ in ROWS:
        lines.append('| ' + ' | '.join(f'`{text(part)}`' if part else '' for part in parts) + ' |')
    begin, end = MARKS
    return re.sub(f'(?<={begin}).*(?={end})', '\n'.join(['', *lines, '', '']), PAGE.read_text(), flags=re.S)


if __name__ == '__main__':
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--write', action='store_true', help='write the page instead of printing it')
    PAGE.write_text(page()) if parser.parse_args().write else print(page())
