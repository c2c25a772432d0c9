"""Build a teacher and a student from our configs, with fixed random weights and one batch of noise."""

import os.path as osp
import tempfile
from typing import Tuple

import torch
import torch.nn as nn
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmpretrain.structures import DataSample

from mmhssakd.models.distillers.teacher import read_model_config
from mmhssakd.registry import MODELS

ROOT = osp.dirname(osp.dirname(osp.dirname(osp.abspath(__file__))))
# Of each pair: config, side of the images, images in a batch.
PAIRS = {
    'resnet56_resnet20': ('configs/cifar100/hssakd_resnet56_resnet20.py', 32, 64),
    'resnet34_resnet18': ('configs/hssakd_r18_imagenet.py', 64, 32),
}
# For a quick try, of teacher and student: depth, channels of the first stage, of the last.
SMALL = {'resnet56_resnet20': ((14, 16, 64), (8, 8, 32)), 'resnet34_resnet18': ((34, 8, 64), (18, 8, 64))}


def give_statistics(model: nn.Module, size: int) -> nn.Module:
    """Let an untrained network have batch norms as a trained one has them: no zeros, statistics of images."""
    norms = [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]
    for norm in norms:
        nn.init.uniform_(norm.weight, 0.5, 1.0)
        norm.momentum = 1.0
    with torch.no_grad():
        model.train().forward_views(torch.randn(8, 3, size, size))
    for norm in norms:
        norm.momentum = 0.1
    return model


def configure(pair: str, size: int, folder: str, channels_last: bool = True, small: bool = False, **options) -> Config:
    """Config of a pair, with a teacher of random weights.

    Args:
        pair (str): One of :data:`PAIRS`.
        size (int): Side of the images.
        folder (str): Where the teacher's checkpoint is written.
        channels_last (bool): Memory format of student and teacher.
        small (bool): Take networks of few layers.
        **options: Further options of the distiller; ``with_cp`` goes to its neck.
    """
    torch.manual_seed(0)
    cfg = Config.fromfile(osp.join(ROOT, PAIRS[pair][0]))
    DefaultScope.get_instance('benchmark', scope_name='mmpretrain')
    model, teacher = cfg.model, read_model_config(cfg.model.teacher.config)
    model.setdefault('data_preprocessor', cfg.data_preprocessor)
    if small:
        for network, (depth, first, last) in zip((teacher, model), SMALL[pair]):
            network.backbone.update(depth=depth, stem_channels=first, base_channels=first)
            network.head.in_channels = last
    if options.pop('with_cp', False):
        model.auxiliary_neck.with_cp = True
    file = osp.join(folder, 'teacher.pth')
    torch.save(dict(state_dict=give_statistics(MODELS.build(teacher), size).state_dict()), file)
    model.channels_last = teacher.channels_last = channels_last
    model.update(options, teacher=dict(config=teacher, checkpoint=file))
    return cfg


def build(pair: str, size: int, **options) -> nn.Module:
    """Build the distiller of a pair, in training mode; see :func:`configure`."""
    with tempfile.TemporaryDirectory() as folder:
        model = MODELS.build(configure(pair, size, folder, **options).model)
        model.teacher  # noqa: B018  read while its file is there
        return give_statistics(model, size).train()


def make_batch(
    model: nn.Module, size: int, batch_size: int, device: str = 'cpu'
) -> Tuple[dict, torch.Tensor, torch.Tensor]:
    """Noise as a collated batch of our data loaders; the same normalized, (B, 3, H, H); and labels (B, )."""
    generator = torch.Generator().manual_seed(1)
    pixels = torch.randint(0, 256, (batch_size, 3, size, size), dtype=torch.uint8, generator=generator)
    labels = torch.randint(0, model.num_classes, (batch_size,), generator=generator)
    data = dict(inputs=pixels, data_samples=[DataSample().set_gt_label(int(label)) for label in labels])
    images = model.data_preprocessor(dict(data), training=False)['inputs']
    return data, images.to(device), labels.to(device)
