"""Train with two processes, of which one has no labelled image: python unlabelled_ranks.py FOLDER KIND ..."""

import os
import sys
from pathlib import Path

import torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel

sys.path.insert(0, str(Path(__file__).parents[1] / 'models'))
from test_unlabelled import IMAGES, distiller, samples  # noqa: E402

LABELS = [3, None, 7, None], [None] * 4


def train(kind: str, folder: Path, rank: int) -> None:
    """Three steps; in each the other process has the labels."""
    dist.init_process_group('gloo', init_method=f'file://{folder}/{kind}', rank=rank, world_size=2)
    (folder / str(rank)).mkdir(exist_ok=True)
    model = distiller(kind, folder / str(rank))  # with a teacher's file of its own
    wrapped = DistributedDataParallel(model, broadcast_buffers=False)
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.01)
    for i in range(3):
        optimizer.zero_grad()
        losses = wrapped(IMAGES.double(), samples(LABELS[(rank + i) % 2]), mode='loss')
        model.parse_losses(losses)[0].backward()
        optimizer.step()
    torch.save(model.state_dict(), folder / f'{kind}_{rank}.pth')


def main() -> None:
    folder, *kinds = sys.argv[1:]
    torch.set_num_threads(1)
    for kind in kinds:
        pids = []
        for rank in range(2):
            pids.append(os.fork())
            if not pids[-1]:
                train(kind, Path(folder), rank)
                os._exit(0)
        if any(os.waitpid(pid, 0)[1] for pid in pids):
            raise SystemExit(f'{kind}: a process failed')


if __name__ == '__main__':
    main()
