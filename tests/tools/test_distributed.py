"""Two processes on gloo do what one process does with the same global batch.

Batch norm is the one thing that differs (each process has statistics of its own half), so the student has group norm
here. Then the mean of the two processes' losses is the loss of the one, step by step, and so are the weights.
"""

import json
import re
from pathlib import Path

import mmengine
import numpy as np
import pytest
import torch
from mmengine.config import Config
from processes import ROOT, SHORT, epochs, run

CONFIG = """
_base_ = '{root}/configs/fashion_mnist/hssakd_r8.py'
custom_imports = dict(imports=['mmhssakd', 'record_losses'])
custom_hooks = [dict(type='RecordLosses')]
train_dataloader = dict(dataset=dict(dataset=dict(_delete_=True, type='FashionMNIST', split='train',
    data_root='data/fashion-mnist', pipeline=[dict(type='PackInputs')])))
model = dict(backbone=dict(norm_cfg=dict(type='GN', num_groups=4)))
"""


# what configs/hssakd_r18_imagenet_fsdp.py adds, for a student of 20,000 weights
FSDP = Config.fromfile(f'{ROOT}/configs/_base_/fsdp.py')
FSDP.strategy.model_wrapper.auto_wrap_policy.min_num_params = 5000
# DDP that is told that every step uses the same weights; and the branches recomputed in the backward pass
STATIC = """
model_wrapper_cfg = dict(type='MMDistributedDataParallel', static_graph=True, device_ids=None)
model['auxiliary_neck'] = dict(with_cp=True)
"""


def train(folder: Path, processes: int, teacher: Path, more: str = '', *arguments: str) -> list:
    folder.mkdir()
    (folder / 'gn.py').write_text(CONFIG.format(root=ROOT) + more)
    options = {
        **SHORT,
        **epochs(1),
        'model.teacher.checkpoint': teacher,
        'train_dataloader.batch_size': 30 // processes,
    }
    command = ['train.py', folder / 'gn.py'] if processes == 1 else ['dist_train.sh', folder / 'gn.py', processes]
    run(
        *command,
        *arguments,
        '--work-dir',
        folder,
        options=options,
        env=dict(PYTHONPATH=f'{ROOT}:{ROOT / "tests/helpers"}'),
    )
    files = sorted(folder.glob('losses_*.jsonl'))
    assert len(files) == processes
    return [[json.loads(line) for line in file.read_text().splitlines()] for file in files]


@pytest.fixture(scope='module')
def alone(tmp_path_factory, teacher) -> tuple:
    """Losses and checkpoint of one process."""
    folder = tmp_path_factory.mktemp('alone') / 'one'
    return train(folder, 1, teacher)[0], folder / 'epoch_1.pth'


@pytest.mark.parametrize('more', ['', STATIC, FSDP.pretty_text], ids=['ddp', 'static graph', 'fsdp'])
def test_two_processes_equal_one(alone, more, tmp_path, teacher):
    one, checkpoint = alone
    two = train(tmp_path / 'two', 2, teacher, more)
    assert len(one) == 4
    for step, terms in enumerate(one):
        for name, value in terms.items():
            assert np.mean([rank[step][name] for rank in two]) == pytest.approx(value, rel=1e-4), (step, name)
    states = [torch.load(file, weights_only=True)['state_dict'] for file in (checkpoint, tmp_path / 'two/epoch_1.pth')]
    assert set(states[0]) == set(states[1])
    for name, value in states[0].items():
        torch.testing.assert_close(states[1][name], value, rtol=1e-3, atol=1e-5, msg=name)


def test_two_processes_in_bfloat16(alone, tmp_path, teacher):
    """With --amp on a CPU, the losses of the first steps are within 2 % of float32's, and not the same."""
    two = train(tmp_path / 'two', 2, teacher, STATIC, '--amp')
    for step, terms in enumerate(alone[0][:2]):
        for name, value in terms.items():
            assert np.mean([rank[step][name] for rank in two]) == pytest.approx(value, rel=0.02), (step, name)
        assert np.mean([rank[step]['loss_kl_q'] for rank in two]) != pytest.approx(terms['loss_kl_q'], rel=1e-5)


def test_distributed_test(tmp_path, teacher):
    """Two processes classify every image of an odd number once, in the same order, with the same result."""
    run(
        'test.py',
        'configs/fashion_mnist/teacher_r8.py',
        teacher,
        '--work-dir',
        tmp_path,
        '--out',
        tmp_path / 'one.pkl',
        options={**SHORT, 'test_dataloader.dataset.indices': 101},
    )
    run(
        'dist_test.sh',
        'configs/fashion_mnist/teacher_r8.py',
        teacher,
        2,
        '--work-dir',
        tmp_path,
        '--out',
        tmp_path / 'two.pkl',
        options={**SHORT, 'test_dataloader.dataset.indices': 101},
    )
    one, two = (mmengine.load(tmp_path / name) for name in ('one.pkl', 'two.pkl'))
    assert len(one) == len(two) == 101
    for a, b in zip(one, two):
        assert a['sample_idx'] == b['sample_idx'] and a['gt_label'] == b['gt_label']
        assert torch.equal(a['pred_label'], b['pred_label'])
        torch.testing.assert_close(a['pred_score'], b['pred_score'])


def test_processes_with_different_configs(tmp_path):
    base = f"_base_ = '{ROOT}/configs/fashion_mnist/ce_r8.py'\n"
    (tmp_path / 'a.py').write_text(base + 'train_dataloader = dict(num_workers={{"$RANK:0"}})\n')
    done = run('dist_train.sh', tmp_path / 'a.py', 2, '--work-dir', tmp_path, check=False)
    assert done.returncode
    assert re.search(r'differ in their config: \w{12} on .*, \w{12} on .*, give the same command', done.stdout)
