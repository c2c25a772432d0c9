"""What mmengine's checkpoints hold is loaded; a pickle with code in it is not, whoever loads it."""

import functools
import http.server
import pickle
import sys
import threading
from types import SimpleNamespace

import pytest
import small
import torch
from mmdet.apis import DetInferencer, init_detector
from mmengine.config import Config
from mmengine.logging import HistoryBuffer
from mmengine.model import BaseModel
from mmengine.optim import OptimWrapper
from mmengine.registry import PARAM_SCHEDULERS
from mmengine.runner import CheckpointLoader, FlexibleRunner, Runner, checkpoint, load_checkpoint
from mmpretrain import ImageClassificationInferencer
from mmpretrain.apis import get_model

import mmhssakd
from mmhssakd.apis import find_config
from mmhssakd.registry import MODELS


def reload(content, tmp_path):
    torch.save(content, tmp_path / 'file.pth')
    return torch.load(tmp_path / 'file.pth', weights_only=True)


def test_history_buffers_load(tmp_path):
    buffer = HistoryBuffer([1.0, 2.0, 4.0], [1, 1, 1], max_length=10)
    assert reload(dict(buffer=buffer), tmp_path)['buffer'].mean(2) == 3.0


@pytest.mark.parametrize(
    'config',
    [
        dict(type='OneCycleLR', eta_max=0.1, total_steps=10),
        dict(type='MultiStepLR', milestones=[3, 6]),
        dict(type='CosineAnnealingLR', T_max=10),
        dict(type='LinearLR', start_factor=0.1),
        dict(type='PolyLR'),
        dict(type='ExponentialLR', gamma=0.9),
        dict(type='StepLR', step_size=2),
        dict(type='ConstantLR'),
    ],
)
def test_schedulers_load(config, tmp_path):
    optimizer = OptimWrapper(torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], 0.1, momentum=0.9))
    scheduler = PARAM_SCHEDULERS.build(config, default_args=dict(optimizer=optimizer))
    state = reload(scheduler.state_dict(), tmp_path)
    scheduler.load_state_dict(state)
    scheduler.step()


class Harmful:
    """Would make a file when it is unpickled."""

    def __init__(self, file):
        self.file = file

    def __reduce__(self):
        return open, (str(self.file), 'w')


class Sly:
    """Would reach the same through getattr."""

    def __reduce__(self):
        return getattr, (HistoryBuffer, '__subclasses__')


PAYLOADS = dict(call=Harmful, getattr=lambda file: Sly())


@pytest.mark.parametrize('make', PAYLOADS.values(), ids=PAYLOADS)
def test_code_in_a_pickle_never_runs(make, tmp_path):
    with pytest.raises(pickle.UnpicklingError):
        reload(dict(state_dict=make(tmp_path / 'harm')), tmp_path)
    assert not (tmp_path / 'harm').exists()


@pytest.fixture
def server(tmp_path, monkeypatch):
    """Address under which the files of ``tmp_path`` are served; what is downloaded goes to a folder of its own."""
    monkeypatch.setenv('TORCH_HOME', str(tmp_path / 'torch'))
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(('127.0.0.1', 0), handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f'http://127.0.0.1:{running.server_port}'
        running.shutdown()


class Places:
    """Where mmengine's loader looks for a checkpoint, each leading to the same file."""

    def __init__(self, file, server, monkeypatch):
        self.file, self.server, self.monkeypatch = file, server, monkeypatch

    def local(self) -> str:
        return str(self.file)

    def http(self) -> str:
        return f'{self.server}/{self.file.name}'

    def torchvision(self) -> str:
        self.monkeypatch.setattr(checkpoint, 'get_torchvision_models', lambda: dict(name=self.http()))
        return 'torchvision://name'

    def openmmlab(self) -> str:
        self.monkeypatch.setenv('MMENGINE_HOME', str(self.file.parent))
        self.monkeypatch.setattr(checkpoint, 'get_external_models', lambda: dict(name=self.file.name))
        return 'open-mmlab://name'

    def pavi(self) -> str:
        model = SimpleNamespace(name='file.pth', download=lambda to: open(to, 'wb').write(self.file.read_bytes()))
        pavi = SimpleNamespace(modelcloud=SimpleNamespace(get=lambda name: model))
        self.monkeypatch.setitem(sys.modules, 'pavi', pavi)
        return 'pavi://name'

    def s3(self) -> str:
        backend = SimpleNamespace(get=lambda path: self.file.read_bytes())
        self.monkeypatch.setattr(checkpoint, 'get_file_backend', lambda *args, **kwargs: backend)
        return 's3://name'


PLACES = [name for name in vars(Places) if not name.startswith('_')]


@pytest.fixture
def places(tmp_path, server, monkeypatch):
    return Places(tmp_path / 'file.pth', server, monkeypatch)


@pytest.mark.parametrize('place', PLACES)
def test_weights_load_from_everywhere(place, places):
    torch.save(dict(state_dict=dict(weight=torch.ones(2)), buffer=HistoryBuffer([1.0], [1])), places.file)
    assert torch.equal(
        CheckpointLoader.load_checkpoint(getattr(places, place)())['state_dict']['weight'], torch.ones(2)
    )


@pytest.mark.parametrize('place', ['local', 'http'])
def test_damage_is_noticed(place, places):
    """Changed bytes of a tensor, which torch loads: also of a file that was downloaded before."""
    torch.save(dict(weight=torch.ones(2)), places.file)
    places.file.write_bytes(places.file.read_bytes().replace(b'\0\0\x80?', b'\0\0\x80@'))
    for _ in range(2):
        with pytest.raises(ValueError, match='file.pth is no checkpoint, is damaged, .* Bad CRC-32'):
            CheckpointLoader.load_checkpoint(getattr(places, place)())


def test_a_file_saved_without_checksums(tmp_path):
    torch.serialization.set_crc32_options(False)
    try:
        assert torch.equal(reload(dict(a=torch.ones(2)), tmp_path)['a'], torch.ones(2))
    finally:
        torch.serialization.set_crc32_options(True)
    assert torch.equal(CheckpointLoader.load_checkpoint(str(tmp_path / 'file.pth'))['a'], torch.ones(2))


@pytest.mark.parametrize('make', PAYLOADS.values(), ids=PAYLOADS)
@pytest.mark.parametrize('place', PLACES)
def test_code_loads_from_nowhere(make, place, places, tmp_path):
    torch.save(dict(state_dict=make(tmp_path / 'harm')), places.file)
    with pytest.raises((pickle.UnpicklingError, ValueError)):
        CheckpointLoader.load_checkpoint(getattr(places, place)())
    assert not (tmp_path / 'harm').exists()


class Linear(BaseModel):
    """A model for mmengine's runners."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.fc = torch.nn.Linear(1, 1)

    def forward(self):
        """A runner asks for it; it is not called."""


def resume(runner: type, file: str, resume: bool) -> None:
    """What a runner does with its checkpoint before the first iteration."""
    settings = dict(load_from=file, resume=resume, work_dir=f'{file}.run', experiment_name=file)
    run = runner(Linear(), **settings)
    if runner is FlexibleRunner:
        run.strategy._prepared = True  # a resume asks for the optimizers of a prepared strategy
    run.load_or_resume()


def detector() -> Config:
    return Config.fromfile(find_config('faster-rcnn_r8_fpn_fashion-scenes'))


def pretrained(file: str, **kwargs) -> dict:
    return dict(type='Pretrained', checkpoint=file, **kwargs)


CLASSIFIER = dict(model=small.config(type='mmhssakd.SSAClassifier'), test_dataloader=dict(dataset=dict(pipeline=[])))
READERS = {
    'load_checkpoint': lambda file: load_checkpoint(Linear(), file),
    'init_cfg': lambda file: Linear(init_cfg=pretrained(file)).init_weights(),
    'init_cfg with a prefix': lambda file: Linear(init_cfg=pretrained(file, prefix='backbone.')).init_weights(),
    'Runner, load_from': lambda file: resume(Runner, file, False),
    'Runner, resume': lambda file: resume(Runner, file, True),
    'FlexibleRunner, load_from': lambda file: resume(FlexibleRunner, file, False),
    'FlexibleRunner, resume': lambda file: resume(FlexibleRunner, file, True),
    "mmpretrain's get_model": lambda file: get_model(Config(CLASSIFIER), pretrained=file),
    "mmpretrain's inferencer": lambda file: ImageClassificationInferencer(Config(CLASSIFIER), pretrained=file),
    "mmdet's init_detector": lambda file: init_detector(detector(), file, device='cpu'),
    "mmdet's inferencer": lambda file: DetInferencer(detector(), file, device='cpu'),
    "mmdet's inferencer, weights alone": lambda file: DetInferencer(weights=file, device='cpu'),
    "mmhssakd's get_model": lambda file: mmhssakd.get_model('hssakd_r8', pretrained=file),
    'a teacher': lambda file: (
        MODELS.build(small.config(type='HSSAKD', teacher=dict(config=small.config(), checkpoint=file))).teacher
    ),
}


@pytest.mark.parametrize('read', READERS.values(), ids=READERS)
def test_nobody_runs_the_code_of_a_checkpoint(read, tmp_path, monkeypatch):
    """Not even where torch, and with it the forked mmengine, is told to load without safety."""
    monkeypatch.setenv('TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD', '1')
    torch.save(dict(state_dict=Harmful(tmp_path / 'harm'), meta=dict()), tmp_path / 'file.pth')
    with pytest.raises(ValueError, match='file.pth is no checkpoint, .* more than plain data'):
        read(str(tmp_path / 'file.pth'))
    assert not (tmp_path / 'harm').exists()
