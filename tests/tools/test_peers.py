"""What the scripts of other packages give them, and what they take back; stand-ins take the packages' places."""

import runpy
import sys
from types import ModuleType, SimpleNamespace

import cv2
import pytest
import tiny_job
import torch
from mmengine.config import Config

from mmhssakd.apis import get_model
from mmhssakd.weights.checkpoint import load_weights

PEERS = tiny_job.ROOT / 'tools/benchmarks/peers'


@pytest.fixture
def config(tmp_path, monkeypatch):
    """A student of KD with its teacher."""
    tiny_job.prepare(tmp_path, workers=0, seed=0)
    file = tmp_path / 'kd.py'
    file.write_text("_base_ = './epochs.py'\nmodel = dict(auxiliary_neck=None, views=None)")
    monkeypatch.syspath_prepend(str(PEERS))
    return file


def run(monkeypatch, script, config, **modules):
    """Run a script for two epochs; returns the folder that it wrote."""
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)
    out = config.parent / 'out'
    monkeypatch.setattr(sys, 'argv', [script, str(config), '--epochs', '2', '--seed', '3', '--out', str(out)])
    runpy.run_path(str(PEERS / script), run_name='__main__')
    return out


def student_of(config):
    """The config's student as a plain classifier."""
    return get_model(Config.fromfile(config))


def test_lightlytrain(config, monkeypatch, capsys):
    given = {}

    def pretrain(model, method_args, **options):
        given.update(options)
        for wrapper in (model, method_args['teacher']):
            features = wrapper.forward_features(torch.randn(2, 3, 28, 28))
            pooled = wrapper.forward_pool(features)['pooled_features']
            assert features['features'].shape == (2, wrapper.feature_dim(), 7, 7)
            assert pooled.shape == (2, wrapper.feature_dim(), 1, 1)
        assert not any(weight.requires_grad for weight in method_args['teacher'].parameters())
        with torch.no_grad():
            next(model.get_model().parameters()).fill_(0.25)

    out = run(monkeypatch, 'lightlytrain.py', config, lightly_train=SimpleNamespace(pretrain=pretrain))
    images = sorted((out / 'images').glob('*.png'))
    assert len(images) == 40 and cv2.imread(str(images[0])).shape == (28, 28, 3)
    assert given['data'] == out / 'images' and (given['epochs'], given['seed']) == (2, 3)
    assert given['transform_args']['image_size'] == (28, 28)
    assert given['transform_args']['normalize']['mean'] == pytest.approx((72.94 / 255,) * 3)
    student = student_of(config)
    state = torch.load(out / 'backbone.pth')['state_dict']
    load_weights(student, str(out / 'backbone.pth'), others=('head',))
    assert state.keys() == {name for name in student.state_dict() if name.startswith('backbone.')}
    assert next(student.backbone.parameters()).eq(0.25).all()
    assert f'{out}/backbone.pth, after 0 s' in capsys.readouterr().out


def test_torchdistill(config, monkeypatch, capsys):
    seen = {}

    class Box:
        """The steps that the script calls, in order; the loss trains the student."""

        def __init__(self, teacher, student, datasets, stage, *rest):
            seen.update(stage=stage, teacher=teacher, data=datasets['train'], calls=[])
            self.student = student
            images, labels = zip(*(datasets['train'][i] for i in range(4)))
            self.train_data_loader = [(torch.stack(images), torch.tensor(labels), None)]

        def __getattr__(self, name):
            return lambda **options: seen['calls'].append(name)

        def forward_process(self, images, targets, supp_dict):
            return torch.nn.functional.cross_entropy(self.student(images, mode='tensor'), targets)

        def post_forward_process(self, loss):
            loss.backward()
            with torch.no_grad():
                for weight in self.student.parameters():
                    weight -= 0.1 * weight.grad

    module = ModuleType('torchdistill.core.distillation')
    module.get_distillation_box = Box
    names = ('torchdistill', 'torchdistill.core')
    modules = {name: ModuleType(name) for name in names} | {module.__name__: module}
    out = run(monkeypatch, 'torchdistill_kd.py', config, **modules)
    stage, images = seen['stage'], torch.stack([seen['data'][i][0] for i in range(40)])
    assert len(seen['data']) == 40 and images.shape == (40, 3, 28, 28) and abs(images.mean()) < 0.5
    options = stage['criterion']['kwargs']['sub_terms']['kd']['criterion']['kwargs']
    assert (options['temperature'], options['alpha'], stage['num_epochs']) == (3.0, 0.5, 2)
    assert stage['optimizer'] == dict(key='SGD', kwargs=dict(lr=0.05, momentum=0.9, weight_decay=5e-4, nesterov=True))
    assert stage['scheduler']['kwargs'] == dict(max_lr=0.05, total_steps=2 * (40 // 7) + 1)
    assert seen['calls'] == 2 * ['pre_epoch_process', 'pre_forward_process', 'post_epoch_process']
    student = student_of(config)
    load_weights(student, str(out / 'student.pth'))
    assert 'epoch 2: loss' in capsys.readouterr().out and not seen['teacher'].training
