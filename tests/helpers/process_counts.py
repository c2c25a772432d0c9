"""Train jobs by one, two and four processes, in double precision: python process_counts.py FOLDER

Every ``FOLDER/<job>.py`` is trained to ``FOLDER/<job>_<processes>``. Imports take longer than the training, so
each process is a fork of this one.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / 'slow'))

import short_run  # noqa: E402
import torch  # noqa: E402
from mmengine.config import Config  # noqa: E402
from mmengine.dist import get_world_size  # noqa: E402
from torch.distributed.nn.functional import all_reduce  # noqa: E402

GLOBAL_BATCH = 8


class SyncBatchNorm(torch.nn.BatchNorm2d):
    """What torch's computes, which refuses a CPU."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not self.training:
            return super().forward(x)
        moments = torch.stack([x.mean((0, 2, 3)), (x**2).mean((0, 2, 3))])
        mean, square = all_reduce(moments) / get_world_size()
        variance = square - mean**2
        number = x.numel() / x.shape[1] * get_world_size()
        with torch.no_grad():
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * number / (number - 1), self.momentum)
            self.num_batches_tracked += 1
        scale = self.weight / torch.sqrt(variance + self.eps)
        return x * scale[:, None, None] + (self.bias - mean * scale)[:, None, None]


def train(config: Path, processes: int) -> None:
    """Train a job.

    Raises:
        SystemExit: A process failed.
    """
    work_dir = config.with_name(f'{config.stem}_{processes}')
    size = f'train_dataloader.batch_size={GLOBAL_BATCH // processes}'
    options = ['--auto-scale-lr', '--no-validate', '--cfg-options', size]
    pid = short_run.start(config, work_dir, *options, processes=processes)
    if short_run.wait(pid) or short_run.orphans([pid]):
        raise SystemExit(Path(f'{work_dir}.log').read_text()[-5000:])


def main() -> None:
    torch.set_default_dtype(torch.float64)
    torch.nn.modules.batchnorm.SyncBatchNorm = SyncBatchNorm  # where mmengine looks
    configs = sorted(Path(sys.argv[1]).glob('*.py'))
    for config in configs:
        Config.fromfile(config).dump(config)  # without bases it is read faster
    for config in configs:
        for processes in (1, 2, 4):
            train(config, processes)


if __name__ == '__main__':
    main()
