"""Checks and exact loops are there in every config, and change nothing else."""

import re
from pathlib import Path

import pytest
from mmengine.config import Config

from mmhssakd.engine.config_keys import check_keys
from mmhssakd.engine.detector_config import walk
from mmhssakd.engine.reliability import make_test_reliable, make_training_reliable

CONFIGS = Path(__file__).parents[2] / 'configs'
# of each kind one; those of a kind differ in their models
FILES = [
    'fashion_mnist/hssakd_r8.py',
    'cifar100/hssakd_resnet56_resnet20.py',
    'cifar100/few_shot/ce_resnet20_25.py',
    'hssakd_r18_imagenet.py',
    'online_hssakd_r18_imagenet.py',
    'benchmarks/linear_stl10.py',
    *(f'detection/{file.name}' for file in sorted((CONFIGS / 'detection').glob('*.py'))),
]


@pytest.mark.parametrize('file', FILES, ids=str)
def test_every_config(file):
    cfg = Config.fromfile(CONFIGS / file)
    check_keys(cfg)
    before = cfg.train_cfg.max_epochs
    make_training_reliable(cfg)
    assert cfg.train_cfg.type == 'mmhssakd.ResumableEpochLoop' and cfg.train_cfg.max_epochs == before
    assert cfg.default_hooks.checkpoint.type == 'mmhssakd.AtomicCheckpointHook'
    types = [hook.type for hook in cfg.custom_hooks]
    assert {'mmhssakd.NonFiniteLossHook', 'mmhssakd.ClassCountHook', 'mmhssakd.InterruptHook'} <= set(types)
    assert len(set(types)) == len(types)
    assert 'LoadImageFromFile' not in {
        node.get('type') for _, node in walk([cfg.train_dataloader, cfg.test_dataloader])
    }
    check_keys(cfg)
    once = cfg.to_dict()
    make_training_reliable(cfg)
    assert cfg.to_dict() == once
    make_test_reliable(cfg)
    only = {'mmhssakd.CheckpointFitHook', 'mmhssakd.PretrainedCheckHook'}  # of a test, of a training
    for config in (once, cfg):
        config['custom_hooks'] = [hook for hook in config['custom_hooks'] if hook['type'] not in only]
    assert cfg.to_dict() == once


def test_a_test_needs_no_pretrained_weights():
    """They are in the checkpoint that is tested."""
    cfg = Config.fromfile(CONFIGS / 'detection/faster-rcnn_r8_fpn_bccd.py')
    assert 'mmhssakd.PretrainedCheckHook' in [hook.type for hook in cfg.custom_hooks]
    make_test_reliable(cfg)
    assert 'mmhssakd.PretrainedCheckHook' not in [hook.type for hook in cfg.custom_hooks]


@pytest.mark.parametrize('model', [dict(head=dict(num_classes=2)), dict(peers=[dict(head=dict(num_classes=2))])])
def test_metrics_fit_few_classes(model):
    """Of two classes, the label is always among the five best."""
    evaluators = dict(
        val_evaluator=dict(type='Accuracy', topk=(1, 5)),
        test_evaluator=[dict(type='Accuracy', topk=(1, 2, 5)), dict(type='SingleLabelMetric')],
    )
    cfg = Config(dict(model=model, train_cfg=dict(max_epochs=1), **evaluators))
    make_training_reliable(cfg)
    assert cfg.val_evaluator.topk == (1,) and cfg.test_evaluator[0].topk == (1, 2)
    cfg = Config(dict(model=dict(head=dict(num_classes=10)), train_cfg=dict(max_epochs=1), **evaluators))
    make_training_reliable(cfg)
    assert cfg.val_evaluator.topk == (1, 5)


def test_log_shows_means_of_what_adds_up():
    """The shares kl_q1 .. kl_qL of a line of the log must add up to its loss_kl_q."""
    cfg = Config(dict(train_cfg=dict(max_epochs=1)))
    make_training_reliable(cfg)
    for name in ('loss_kl_q', 'kl_q1', 'peer0_ce_q2', 'acc_p', 'grad_norm', 'time', 'data_time'):
        assert re.search(cfg.log_processor.mean_pattern, name)
    for name in ('lr', 'accuracy/top1'):  # a validation's value is its own
        assert not re.search(cfg.log_processor.mean_pattern, name)


def test_what_the_config_says_stays():
    cfg = Config(
        dict(
            train_cfg=dict(type='MyLoop', max_epochs=3),
            default_hooks=dict(checkpoint=dict(type='CheckpointHook', interval=7)),
            custom_hooks=[dict(type='mmhssakd.NonFiniteLossHook', max_skipped=3)],
        )
    )
    make_training_reliable(cfg)
    assert cfg.train_cfg == dict(type='MyLoop', max_epochs=3) and cfg.default_hooks.checkpoint.interval == 7
    assert cfg.custom_hooks[0] == dict(type='mmhssakd.NonFiniteLossHook', max_skipped=3) and len(cfg.custom_hooks) == 3
    cfg = Config(dict(train_cfg=dict(by_epoch=False, max_iters=3), default_hooks=dict(checkpoint=None)))
    make_training_reliable(cfg)
    assert cfg.train_cfg == dict(type='mmhssakd.ResumableIterLoop', max_iters=3)
    assert cfg.default_hooks.checkpoint is None
