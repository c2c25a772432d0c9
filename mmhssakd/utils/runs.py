"""Read back what a run wrote into its work dir."""

import json
from pathlib import Path
from typing import Dict, List, Optional

from mmengine.config import Config


def scalars(work_dir: Path) -> List[dict]:
    """All logged lines of a run, in the order of training; after a resume the later line of a step counts."""
    lines: Dict[tuple, dict] = {}
    for file in sorted(Path(work_dir).glob('*/vis_data/scalars.json')):
        for text in file.read_text().splitlines():
            try:
                line = json.loads(text)
            except json.JSONDecodeError:  # the run was killed while it wrote this line
                continue
            lines['lr' in line or 'loss' in line, line.get('step')] = line
    return list(lines.values())


def curve(work_dir: Path, metric: str) -> Dict[int, float]:
    """Values of a validation metric, from step (epoch) to value."""
    return {line['step']: line[metric] for line in scalars(work_dir) if metric in line}


def config_of(work_dir: Path) -> Config:
    """The config that a run dumped.

    Raises:
        FileNotFoundError: The folder holds none.
    """
    files = sorted(Path(work_dir).glob('*.py'), key=lambda file: file.stat().st_mtime)
    if not files:
        raise FileNotFoundError(f'{work_dir} holds no dumped config: it is not the work dir of a run.')
    return Config.fromfile(files[-1])


def speed(work_dir: Path) -> Dict[str, Optional[float]]:
    """Training time of a run, without validation.

    Returns:
        dict: ``seconds`` in all and ``images_per_second`` of one process, from the logged step times.
    """
    lines = [line for line in scalars(work_dir) if 'loss' in line and 'time' in line]
    if not lines:
        return dict(seconds=None, images_per_second=None)
    step_time = sum(line['time'] for line in lines) / len(lines)
    batch_size = config_of(work_dir).train_dataloader.batch_size
    return dict(seconds=step_time * max(line['step'] for line in lines), images_per_second=batch_size / step_time)
