"""What our runner adds is there in every config, and what a config says stays."""

import re
from pathlib import Path

import pytest
import tiny_job
from mmengine.config import Config
from mmengine.registry import LOOPS, RUNNERS
from mmengine.runner import EpochBasedTrainLoop
from tiny_run import config, runner

from mmhssakd.engine.launch.keys import check_keys
from mmhssakd.engine.launch.launch import name_runner
from mmhssakd.engine.runner import MEANS, Runner

CONFIGS = Path(__file__).parents[2] / 'configs'
# of each kind one; those of a kind differ in their models
FILES = [
    'fashion_mnist/hssakd_r8.py',
    'cifar100/hssakd_resnet56_resnet20.py',
    'cifar100/few_shot/ce_resnet20_25.py',
    'hssakd_r18_imagenet.py',
    'hssakd_r18_imagenet_fsdp.py',
    'online_hssakd_r18_imagenet.py',
    'benchmarks/linear_stl10.py',
    *(f'detection/{file.name}' for file in sorted((CONFIGS / 'detection').glob('*.py'))),
]


def names(run) -> list:
    return [type(hook).__name__ for hook in run.hooks]


@pytest.mark.parametrize('file', FILES, ids=str)
def test_every_config(file, tmp_path, monkeypatch):
    """It names a runner of ours, which adds its hooks, and writes the config as it is into the work dir."""
    tiny_job.leave_configs_as_they_are(monkeypatch)
    cfg = Config.fromfile(CONFIGS / file)
    check_keys(cfg)
    cfg.merge_from_dict(dict(work_dir=str(tmp_path), log_level='WARNING', experiment_name=str(tmp_path)))
    cfg.model = dict(type='mmengine.TinyModel')
    run = RUNNERS.build(cfg)
    assert type(run).__name__ == cfg.runner_type.removeprefix('mmhssakd.')
    assert {'AtomicCheckpointHook', 'NonFiniteLossHook', 'ClassCountHook', 'CheckpointFitHook', 'InterruptHook'} <= set(
        names(run)
    )
    assert 'CheckpointHook' not in names(run) and len(set(names(run))) == len(names(run))
    written = Config.fromfile(next(tmp_path.glob('*.py')))
    assert {**written, 'model': None} == {**cfg, 'model': None}  # FlexibleRunner adds the preprocessor to the model


@pytest.mark.parametrize('given, used', [(None, 'Runner'), ('Runner', 'Runner'), ('FlexibleRunner', 'FlexibleRunner')])
def test_somebody_elses_config_has_our_runner(given, used):
    cfg = Config(dict(runner_type=given) if given else {})
    name_runner(cfg)
    assert cfg.runner_type == f'mmhssakd.{used}'
    cfg.runner_type = 'theirs.Runner'
    name_runner(cfg)
    assert cfg.runner_type == 'theirs.Runner'


@pytest.mark.parametrize('classes, topk', [(2, (1, 2)), (10, (1, 2, 5))])
@pytest.mark.parametrize('peers', [False, True])
def test_metrics_fit_few_classes(classes, topk, peers, tmp_path):
    """Of two classes, the label is always among the five best."""
    network = dict(head=dict(num_classes=classes))
    run = runner(config(tmp_path))
    run.cfg.model = dict(peers=[network]) if peers else network
    one = dict(type='mmpretrain.Accuracy', topk=(1, 2, 5))
    for evaluator in (one, [one, dict(type='mmpretrain.SingleLabelMetric')]):
        assert run.build_evaluator(evaluator).metrics[0].topk == topk
    assert one['topk'] == (1, 2, 5)


def test_log_shows_means_of_what_adds_up(tmp_path):
    """The shares kl_q1 .. kl_qL of a line of the log must add up to its loss_kl_q."""
    assert runner(config(tmp_path)).log_processor.mean_pattern.pattern == MEANS
    for name in ('loss_kl_q', 'kl_q1', 'peer0_ce_q2', 'acc_p', 'grad_norm', 'time', 'data_time'):
        assert re.search(MEANS, name)
    for name in ('lr', 'accuracy/top1'):  # a validation's value is its own
        assert not re.search(MEANS, name)


@LOOPS.register_module()
class OtherLoop(EpochBasedTrainLoop):
    """A loop that a config names."""


def test_what_the_config_says_stays(tmp_path):
    hook = dict(type='mmhssakd.NonFiniteLossHook', max_skipped=3)
    cfg = config(tmp_path, hooks=[hook], checkpoint=dict(interval=7))
    cfg.train_cfg = dict(type='OtherLoop', max_epochs=1)
    run = runner(cfg)
    assert [h.max_skipped for h in run.hooks if type(h).__name__ == 'NonFiniteLossHook'] == [3]
    assert [h.interval for h in run.hooks if type(h).__name__ == 'AtomicCheckpointHook'] == [7]
    run.train()
    assert type(run.train_loop) is OtherLoop
    cfg = config(tmp_path / 'no', by_epoch=False)
    cfg.default_hooks.checkpoint = None
    run = runner(cfg)
    assert not {'CheckpointHook', 'AtomicCheckpointHook'} & set(names(run))
    run.train()
    assert type(run.train_loop).__name__ == 'ResumableIterLoop' and run.train_loop.max_iters == 18


def test_auto_scale_lr_reaches_the_peak_of_one_cycle(tmp_path):
    """That scheduler replaces the optimizer's learning rate, which is all that mmengine scales."""
    one_cycle = dict(type='OneCycleLR', eta_max=0.1, total_steps=3, by_epoch=True)
    for schedulers in (one_cycle, [one_cycle]):
        cfg = config(tmp_path, auto_scale_lr=dict(enable=True, base_batch_size=16))
        cfg.param_scheduler = schedulers
        run = Runner.from_cfg(cfg)
        run.train()
        assert run.optim_wrapper.optimizer.param_groups[0]['max_lr'] == pytest.approx(0.1 * 4 / 16)
