"""One, two and four processes with the same global batch do the same, step by step, to the last digits of float64.

The sampler, the augmentation, the learning rate (``--auto-scale-lr``), the seeds and the gradients all take part. Batch
norm has the statistics of the whole batch (``sync_bn``); test_distributed.py is about the networks without it.
"""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from fashion_data import make_fashion

ROOT = Path(__file__).parents[2]
COMMON = """
custom_imports = dict(imports=['mmhssakd', 'record_losses'])
custom_hooks = [dict(type='RecordLosses')]
train_dataloader = dict(num_workers=0, dataset=dict(num_images=20, dataset=dict(data_root='{folder}/data')))
train_cfg = dict(max_epochs=2)
param_scheduler = dict(total_steps=2, end=2)
default_hooks = dict(checkpoint=dict(interval=2))
randomness = dict(seed=0)
sync_bn = 'torch'
"""
JOBS = {
    'hssakd': """
_base_ = '{root}/configs/fashion_mnist/hssakd_r8.py'
model = dict(teacher=dict(config='{folder}/teacher.py', checkpoint='{teacher}'))
""",
    'online': """
_base_ = '{root}/configs/fashion_mnist/ce_r8.py'
_peer = dict(
    _base_.model, type='mmhssakd.SSAClassifier', auxiliary_neck=dict(type='mmhssakd.AuxiliaryNeck')
)
model = dict(_delete_=True, type='mmhssakd.OnlineHSSAKD', peers=[_peer, _peer])
""",
    'teacher': """
_base_ = '{root}/configs/fashion_mnist/teacher_r8.py'
""",
}


@pytest.fixture(scope='module')
def trained(tmp_path_factory, teacher) -> Path:
    """Folder of all runs."""
    folder = tmp_path_factory.mktemp('counts')
    make_fashion(folder / 'data', train=20)
    for name, text in JOBS.items():
        text = text + COMMON
        (folder / f'{name}.py').write_text(text.format(root=ROOT, teacher=teacher, folder=folder))
    script = [sys.executable, str(ROOT / 'tests/helpers/process_counts.py'), str(folder)]
    done = subprocess.run(script, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.returncode == 0, done.stdout[-5000:]
    return folder


def losses(work_dir: Path, processes: int) -> list:
    """Each step's terms, averaged over the processes."""
    files = sorted(work_dir.glob('losses_*.jsonl'))
    assert len(files) == processes
    ranks = [[json.loads(line) for line in file.read_text().splitlines()] for file in files]
    return [{name: np.mean([terms[name] for terms in step]) for name in step[0]} for step in zip(*ranks)]


@pytest.mark.parametrize('processes', [2, 4])
@pytest.mark.parametrize('job', JOBS)
def test_any_number_of_processes_does_the_same(trained, job, processes):
    one, many = (losses(trained / f'{job}_{count}', count) for count in (1, processes))
    assert len(one) == len(many) == 4
    for step, (expected, found) in enumerate(zip(one, many)):
        assert found == pytest.approx(expected, rel=1e-9), step
    checkpoints = [trained / f'{job}_{count}/epoch_2.pth' for count in (1, processes)]
    states = [torch.load(file, weights_only=True)['state_dict'] for file in checkpoints]
    assert states[0].keys() == states[1].keys()
    assert torch.float32 not in {value.dtype for value in states[0].values()}
    torch.testing.assert_close(states[1], states[0], rtol=1e-9, atol=1e-11)
