from types import SimpleNamespace

import pytest
import torch
from detection_data import save_classifier
from mmengine.runner import Runner
from mmpretrain.datasets.categories import IMAGENET_CATEGORIES
from torch.utils.data import Dataset

from mmhssakd.registry import HOOKS, MODELS

R18 = dict(type='mmpretrain.ResNet', depth=18)
SMALL = dict(type='mmhssakd.CIFARResNet', depth=8, stem_channels=8, base_channels=8)


def runner_of(backbone: dict, checkpoint, tmp_path, prefix='backbone.', **kwargs) -> Runner:
    """A runner whose model has this backbone and one step to do."""
    from mmengine.model import BaseModel

    class Model(BaseModel):
        steps = 0

        def __init__(self):
            super().__init__()
            init_cfg = dict(type='Pretrained', checkpoint=str(checkpoint), prefix=prefix) if checkpoint else None
            self.backbone = MODELS.build(dict(backbone, **(dict(init_cfg=init_cfg) if checkpoint else {})))

        def forward(self, inputs, mode='loss'):
            type(self).steps += 1
            return dict(loss=self.backbone(inputs)[-1].mean())

    class Images(Dataset):
        def __len__(self):
            return 1

        def __getitem__(self, index):
            return dict(inputs=torch.zeros(3, 32, 32))

    return Runner(
        Model(),
        str(tmp_path / 'work'),
        optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.01)),
        train_dataloader=dict(
            batch_size=1,
            num_workers=0,
            dataset=Images(),
            sampler=dict(type='DefaultSampler', shuffle=False),
            collate_fn=dict(type='default_collate'),
        ),
        train_cfg=dict(by_epoch=True, max_epochs=1),
        custom_hooks=[HOOKS.build(dict(type='PretrainedCheckHook'))],
        default_scope='mmdet',
        experiment_name=tmp_path.name,
        **kwargs,
    )


def fails(runner: Runner, message: str) -> str:
    with pytest.raises(ValueError, match=message) as error:
        runner.train()
    assert type(runner.model).steps == 0
    return str(error.value)


@pytest.mark.parametrize('target', [R18, dict(type='mmdet.ResNet', depth=18)])
def test_all_tensors_load_into_both_packages_backbones(tmp_path, target):
    expected = save_classifier(tmp_path / 'r18.pth', R18, 512)
    runner = runner_of(dict(target, norm_eval=True), tmp_path / 'r18.pth', tmp_path)
    runner.train()
    assert type(runner.model).steps == 1
    state = runner.model.backbone.state_dict()
    for name in ('bn1.running_mean', 'layer4.1.bn2.running_mean', 'layer2.0.downsample.1.running_var'):
        assert torch.equal(state[name], expected[name])


def test_no_backbone_prefix(tmp_path):
    save_classifier(tmp_path / 'r8.pth', SMALL, 32, prefix='student.')
    message = fails(runner_of(SMALL, tmp_path / 'r8.pth', tmp_path), "no tensor that begins with 'backbone.'")
    assert 'Its names begin with: student.' in message
    (tmp_path / 'again').mkdir()
    runner_of(SMALL, tmp_path / 'r8.pth', tmp_path / 'again', prefix='student.backbone.').train()


def test_a_bare_backbone_needs_no_prefix(tmp_path):
    state = save_classifier(tmp_path / 'r8.pth', SMALL, 32)
    torch.save(state, tmp_path / 'bare.pth')
    message = fails(runner_of(SMALL, tmp_path / 'bare.pth', tmp_path), "no tensor that begins with 'backbone.'")
    assert 'bn1., conv1., layer1., layer2., layer3.' in message and 'or to None' in message
    (tmp_path / 'again').mkdir()
    runner_of(SMALL, tmp_path / 'bare.pth', tmp_path / 'again', prefix=None).train()


def test_a_forgotten_prefix(tmp_path):
    save_classifier(tmp_path / 'r8.pth', SMALL, 32)
    message = fails(runner_of(SMALL, tmp_path / 'r8.pth', tmp_path, prefix=None), 'no tensor')
    assert 'backbone., head.' in message


def test_a_head_beside_a_bare_backbone_is_no_difference(tmp_path):
    state = save_classifier(tmp_path / 'r8.pth', SMALL, 32)
    torch.save(dict(state, **{'fc.weight': torch.zeros(10, 32)}), tmp_path / 'bare.pth')
    runner_of(SMALL, tmp_path / 'bare.pth', tmp_path, prefix=None).train()


def test_resnet34_into_resnet18(tmp_path):
    save_classifier(tmp_path / 'r34.pth', dict(R18, depth=34), 512)
    message = fails(runner_of(R18, tmp_path / 'r34.pth', tmp_path), 'does not fit ResNet: 120 of its 120 tensors')
    assert 'unexpected: layer1.2.conv1.weight' in message


def test_missing_and_reshaped_tensors_are_listed(tmp_path):
    save_classifier(tmp_path / 'r18.pth', R18, 512)
    message = fails(runner_of(dict(R18, depth=34), tmp_path / 'r18.pth', tmp_path), 'missing: layer1.2.conv1.weight')
    assert 'unexpected' not in message
    (tmp_path / 'wide').mkdir()
    save_classifier(tmp_path / 'r8.pth', SMALL, 32)
    message = fails(runner_of(dict(SMALL, base_channels=16), tmp_path / 'r8.pth', tmp_path / 'wide'), 'reshaped')
    assert 'layer1.0.conv1.weight (8, 8, 3, 3) instead of (16, 8, 3, 3)' in message


def test_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'model.backbone.init_cfg.checkpoint: no such checkpoint: .*none.pth'):
        runner_of(SMALL, tmp_path / 'none.pth', tmp_path).train()


def test_weights_that_were_replaced_after_loading(tmp_path):
    save_classifier(tmp_path / 'r8.pth', SMALL, 32)
    runner = runner_of(SMALL, tmp_path / 'r8.pth', tmp_path)
    runner.model.backbone._is_init = True  # mmengine now skips the loading and only warns
    fails(runner, 'lost what their checkpoint holds')


def test_a_random_start_runs(tmp_path):
    runner = runner_of(SMALL, None, tmp_path)
    runner.train()
    assert type(runner.model).steps == 1


@pytest.mark.parametrize('key, frozen, thawed', [('frozen_stages', 1, -1), ('norm_eval', True, False)])
def test_a_random_start_must_not_be_frozen(tmp_path, key, frozen, thawed):
    backbone = dict(SMALL, **{key: frozen})
    runner = runner_of(backbone, None, tmp_path)
    fails(runner, f'model.backbone starts at random, but {key} keep.*--cfg-options model.backbone.{key}={thawed}$')
    torch.save(dict(state_dict=runner.model.state_dict()), tmp_path / 'whole.pth')
    (tmp_path / 'again').mkdir()
    runner_of(backbone, None, tmp_path / 'again', load_from=str(tmp_path / 'whole.pth')).train()


def test_no_init_cfg_is_the_networks_own():
    torch.manual_seed(0)
    own = MODELS.build(SMALL)
    assert MODELS.build(dict(SMALL, init_cfg=None)).init_cfg == own.init_cfg != []


def test_resume_keeps_what_was_trained(tmp_path):
    save_classifier(tmp_path / 'r8.pth', SMALL, 32)
    runner_of(SMALL, tmp_path / 'r8.pth', tmp_path).train()
    runner = runner_of(SMALL, tmp_path / 'r8.pth', tmp_path, resume=True)
    runner._train_loop['max_epochs'] = 2
    runner.train()
    assert runner.epoch == 2


def test_two_classes_of_one_name():
    """ImageNet has two cranes."""
    names = IMAGENET_CATEGORIES
    assert len(set(names)) < len(names)
    loader = SimpleNamespace(dataset=SimpleNamespace(metainfo=dict(classes=names)))
    run = SimpleNamespace(model=torch.nn.Module(), val_loop=True, train_dataloader=loader, val_dataloader=loader)
    HOOKS.build(dict(type='ClassCountHook')).before_train(run)
    turned = SimpleNamespace(dataset=SimpleNamespace(metainfo=dict(classes=names[1:] + names[:1])))
    run.val_dataloader = turned
    with pytest.raises(ValueError, match="Class 'goldfish.*' is number 1 in .* and number 0 in"):
        HOOKS.build(dict(type='ClassCountHook')).before_train(run)
