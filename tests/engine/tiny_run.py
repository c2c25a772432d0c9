"""A run of a few milliseconds, with randomness in its data and in its model."""

import itertools

import numpy as np
import torch
import torch.nn as nn
from mmengine.config import Config
from mmengine.model import BaseModel
from mmengine.registry import DATASETS, MODELS

from mmhssakd.engine.runner import Runner

NUMBERS = itertools.count()  # mmengine shares the state of runs of one name


@MODELS.register_module()
class TinyModel(BaseModel):
    """A linear classifier with dropout and batch normalization."""

    def __init__(self, bad_steps=(), bad_gradient=(), data_preprocessor=None):
        super().__init__()
        self.norm = nn.BatchNorm1d(4)
        self.fc = nn.Linear(4, 3)
        self.register_buffer('seen', torch.zeros(()))
        self.bad_steps, self.bad_gradient, self.step = bad_steps, bad_gradient, 0

    def forward(self, inputs, labels, mode='loss', **kwargs):
        if mode != 'loss':
            return [0]
        self.step += 1
        x = self.norm(inputs.float())
        if self.step in self.bad_steps:
            self.seen += float('nan')
        x = nn.functional.dropout(x, 0.5)
        loss = nn.functional.cross_entropy(self.fc(x), labels)
        if self.step in self.bad_steps:
            loss = loss * float('nan')
        if self.step in self.bad_gradient:
            loss = loss + (self.fc.bias * 0).sum().sqrt()  # 0, with an infinite slope
        return dict(loss_task=loss, loss_other=torch.zeros(()))


@DATASETS.register_module()
class NoisyNumbers(torch.utils.data.Dataset):
    """Each sample is its index and noise from Python's, numpy's and torch's generators."""

    metainfo = {}
    drawn = []

    def __init__(self, size=22):
        self.size = size

    def __len__(self):
        return self.size

    def __getitem__(self, index):
        import random

        noise = [random.random(), np.random.rand(), torch.rand(()).item()]
        type(self).drawn.append((index, *noise))
        return dict(inputs=torch.tensor([index / self.size, *noise]), labels=index % 3)


def config(
    work_dir, by_epoch=True, workers=0, seed=0, model=(), checkpoint=(), hooks=(), dataset=(), **kwargs
) -> Config:
    """3 epochs of 6 iterations, the last of 2 samples; or 18 iterations."""
    loader = dict(
        batch_size=4,
        num_workers=workers,
        persistent_workers=workers > 0,
        dataset=dict(dict(type='NoisyNumbers'), **dict(dataset)),
        collate_fn=dict(type='default_collate'),
    )
    cfg = Config(
        dict(
            model=dict(dict(type='TinyModel'), **dict(model)),
            work_dir=str(work_dir),
            default_scope='mmengine',
            train_dataloader=dict(
                loader, sampler=dict(type='DefaultSampler' if by_epoch else 'InfiniteSampler', shuffle=True)
            ),
            train_cfg=dict(by_epoch=True, max_epochs=3) if by_epoch else dict(by_epoch=False, max_iters=18),
            optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.1, momentum=0.9)),
            param_scheduler=dict(type='ExponentialLR', gamma=0.9, by_epoch=by_epoch),
            default_hooks=dict(
                logger=dict(type='LoggerHook', interval=100),
                checkpoint=dict(
                    dict(type='CheckpointHook', by_epoch=by_epoch, interval=1 if by_epoch else 5), **dict(checkpoint)
                ),
            ),
            custom_hooks=list(hooks),
            randomness=dict(seed=seed),
            log_level='WARNING',
            log_processor=dict(by_epoch=by_epoch),
            experiment_name=f'{work_dir}_{next(NUMBERS)}',
        )
    )
    cfg.merge_from_dict(kwargs)
    return cfg


def runner(cfg: Config, resume=False) -> Runner:
    """The runner that tools/train.py would build."""
    cfg.resume = resume
    return Runner.from_cfg(cfg)


def weights(run: Runner) -> dict:
    return {name: value.clone() for name, value in run.model.state_dict().items()}
