"""A hook for test_distributed.py and test_process_counts.py: every process writes its loss terms and learning rate."""

import json
from pathlib import Path

from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmengine.registry import HOOKS


@HOOKS.register_module()
class RecordLosses(Hook):
    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        terms = {name: value.item() for name, value in outputs.items() if 'loss' in name}
        terms['lr'] = runner.optim_wrapper.get_lr()['lr'][0]
        with (Path(runner.work_dir) / f'losses_{get_rank()}.jsonl').open('a') as file:
            file.write(json.dumps(terms) + '\n')
