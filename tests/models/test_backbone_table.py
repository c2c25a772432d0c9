"""Every row of docs/your_backbone.md trains; tests/weights/test_foreign.py compares logits with the libraries'."""

import backbone_table
import pytest
import small
import torch
from backbone_table import ROWS

from mmhssakd.registry import MODELS


def name(row) -> str:
    return backbone_table.text(row.backbone)


@pytest.fixture(autouse=True)
def no_initialization(monkeypatch):
    monkeypatch.setattr('mmhssakd.models.necks.auxiliary_neck.initialize', lambda module: None)  # takes long


def build(row, **options) -> torch.nn.Module:
    head = dict(dict(type='LinearClsHead', num_classes=7), **row.rest['head'])
    parts = {'neck': dict(type='GlobalAveragePooling'), **row.rest, 'head': head, **options}
    return MODELS.build(dict(type='SSAClassifier', backbone=row.backbone, auxiliary_neck=row.auxiliary_neck, **parts))


def test_the_page_has_the_table():
    assert backbone_table.PAGE.read_text() == backbone_table.page(), 'run tests/helpers/backbone_table.py --write'
    assert len(ROWS) == len(set(map(name, ROWS))) >= 20


@pytest.mark.parametrize('row', ROWS, ids=name)
def test_row_trains(row):
    model = build(row).train()
    losses = model(torch.randn(2, 3, row.size, row.size), small.samples([1, 2]), mode='loss')
    total = model.parse_losses(losses)[0]
    total.backward()
    assert torch.isfinite(total) and not [key for key, p in model.named_parameters() if p.grad is None]
    branches = model.auxiliary_neck.branches
    assert len(branches) >= 3 and all(any(p.grad.any() for p in branch.stages.parameters()) for branch in branches)
    assert next(model.backbone.parameters()).grad.any() and next(model.head.parameters()).grad.any()
