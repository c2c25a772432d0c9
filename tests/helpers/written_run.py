"""Folders of runs, as training leaves them: a dumped config, logged lines, untrained weights; and a browser."""

import json
import shutil
from pathlib import Path
from typing import Optional

import torch
from mmengine.config import Config

from mmhssakd.registry import MODELS

ROOT = Path(__file__).parents[2]


def write_run(work_dir: Path, config: str, seed: int, top1: float, data: Path, **options) -> Path:
    """Write a run of 2 epochs, 4 steps each, that was logged every 2 steps and validated every epoch."""
    cfg = Config.fromfile(ROOT / f'configs/fashion_mnist/{config}.py')
    cfg.merge_from_dict(
        {
            'randomness': dict(seed=seed),
            'work_dir': str(work_dir),
            'train_dataloader.dataset.seed': seed,
            'test_dataloader.dataset.data_root': str(data),
            **options,
        }
    )
    model = MODELS.build(dict(cfg.model, teacher=None) if 'teacher' in cfg.model else cfg.model)
    folder = work_dir / '20260101_000000/vis_data'
    folder.mkdir(parents=True)
    cfg.dump(work_dir / f'{config}.py')
    lines = []
    for step in (2, 4, 6, 8):
        epoch = (step + 3) // 4
        lines.append(
            dict(
                lr=0.1,
                time=0.1,
                data_time=0.01,
                loss=3.0 - step / 8,
                loss_task=2.0 - step / 8 + seed,
                acc_p=10.0 * step,
                epoch=epoch,
                iter=step,
                step=step,
            )
        )
        if hasattr(model, 'auxiliary_neck') and model.auxiliary_neck:
            lines[-1].update(loss_kl_q=5.0 - step, acc_q1=step, acc_q2=step, acc_q3=step)
        if step % 4 == 0:
            lines.append({'accuracy/top1': top1 - 8 + step, 'time': 0.1, 'step': epoch})
    (folder / 'scalars.json').write_text('\n'.join(map(json.dumps, lines)))
    torch.save(dict(state_dict=model.state_dict()), work_dir / 'epoch_2.pth')
    (work_dir / 'last_checkpoint').write_text('/moved/away/epoch_2.pth')
    return work_dir


def find_browser() -> Optional[str]:
    """Path of a Chromium or Chrome, if there is one."""
    return next(filter(None, map(shutil.which, ('chromium', 'chromium-browser', 'google-chrome'))), None)
