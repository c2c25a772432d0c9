"""The lines that docs/visualize.md gives for TensorBoard, in a real run."""

import re
from pathlib import Path

from fashion_data import make_fashion
from mmengine.config import Config
from mmengine.runner import Runner
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from mmhssakd.experiments.runs import Run

ROOT = Path(__file__).parents[1]


def test_a_run_is_written_for_tensorboard(tmp_path):
    page = (ROOT / 'docs/visualize.md').read_text()
    text = re.search(r'```python\n# configs/fashion_mnist/my_tensorboard.py\n(.*?)```', page, re.S)[1]
    file = tmp_path / 'my_tensorboard.py'
    file.write_text(text.replace('./hssakd_r8.py', str(ROOT / 'configs/fashion_mnist/teacher_r8.py')))
    cfg = Config.fromfile(file)
    data = str(make_fashion(tmp_path / 'data'))
    cfg.merge_from_dict(
        {
            'work_dir': str(tmp_path / 'run'),
            'train_dataloader.dataset.num_images': 40,
            'train_dataloader.batch_size': 20,
            'train_dataloader.num_workers': 0,
            'val_dataloader.num_workers': 0,
            'train_dataloader.dataset.dataset.data_root': data,
            'val_dataloader.dataset.data_root': data,
            'test_dataloader': None,
            'test_cfg': None,
            'test_evaluator': None,
            'train_cfg.max_epochs': 1,
            'train_cfg.val_interval': 1,
            'param_scheduler.total_steps': 2,
            'default_hooks.logger.interval': 1,
            'experiment_name': tmp_path.name,
        }
    )
    Runner.from_cfg(cfg).train()
    (folder,) = (tmp_path / 'run').glob('*/vis_data')
    events = EventAccumulator(str(folder)).Reload()
    assert {'loss_task', 'loss_aux', 'acc_p', 'acc_q1', 'acc_q3', 'accuracy/top1'} <= set(events.Tags()['scalars'])
    logged = {line['step']: line['loss_task'] for line in Run(tmp_path / 'run').lines if 'loss_task' in line}
    written = {event.step: event.value for event in events.Scalars('loss_task')}
    assert written.keys() == logged.keys() == {1, 2}
    assert all(abs(written[step] - logged[step]) < 1e-4 for step in logged)
