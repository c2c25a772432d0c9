"""What a frozen teacher says of a fixed set of crops, computed once and kept in a file."""

import os
import os.path as osp
import zlib
from contextlib import suppress
from typing import Callable, List, Optional, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from mmpretrain.structures import DataSample

from mmhssakd.models.losses.terms import Logits

HOW = "wrap the data set of train_dataloader: dict(type='mmhssakd.FixedCrops', crops=4, dataset=...)"
MEND = 'Delete it, or name another one: --cfg-options model.teacher.cache=FILE.npy'
EXTRA = 6  # numbers of a row after its logits: four of its image, two of the checksum


def sums(rows: np.ndarray) -> np.ndarray:
    """Checksums of rows, over all but their last two numbers; none is 0."""
    return np.array([zlib.crc32(row.tobytes()) | 1 for row in rows[:, :-2]], np.uint32)


class TeacherCache:
    """Logits of a teacher for every crop of :class:`mmhssakd.datasets.FixedCrops`, in half precision.

    The file is a memory-mapped numpy array: one row for each crop, of all p and q on all views, four numbers that tell
    its image from others, and a checksum. A row whose checksum is wrong (not computed yet, half written when a run was
    killed, damaged) is computed again. Runs may share the file, also at the same time on one machine. What is computed
    is rounded as what is read, so that a run does not depend on what was there before.

    Args:
        file (str): Where it is, or will be: ``*.npy``.
        num_views (int): M.
    """

    def __init__(self, file: str, num_views: int) -> None:
        self.file, self.num_views = file, num_views
        self.table: Optional[np.ndarray] = None
        self.widths: List[int] = []  # classes of p, q_1, ..., of one view
        self.checked = False

    def __call__(
        self, teach: Callable[[torch.Tensor], Logits], views: torch.Tensor, data_samples: Sequence[DataSample]
    ) -> Logits:
        """The teacher's logits of a batch.

        Args:
            teach (Callable): From views (R * M, C, H, W) to the teacher's logits.
            views (Tensor): (B * M, C, H, W).
            data_samples (list[DataSample]): B samples with ``crop``.

        Raises:
            OSError: The file cannot be written to, or there is no room for it.
            ValueError: The samples are no fixed crops, or the file was made for others, or by another teacher.
        """
        numbers, total = self.crops_of(data_samples)
        if self.table is None:
            self.table = self.open(teach(views[: self.num_views]), total)
        rows = np.array(self.table[numbers], order='C')  # a copy, where it is filled
        images = F.adaptive_avg_pool2d(views[:: self.num_views].float(), 2).mean(1).flatten(1).cpu().numpy()
        whole = rows[:, -2:].view(np.uint32)[:, 0] == sums(rows)
        self.check(rows[whole, -EXTRA:-2], images[whole], 0.01 * (1 + np.abs(images[whole])))
        if whole.any() and not self.checked:
            first = int(whole.argmax())
            found = self.flat(teach(self.views_of(views, [first])), images[[first]])[0, :-EXTRA].astype(np.float32)
            self.check(np.abs(rows[first, :-EXTRA] - found).mean(), 0, 0.05 * found.std())
            self.checked = True
        missing = np.flatnonzero(~whole)
        if len(missing):
            rows[missing] = self.flat(teach(self.views_of(views, missing.tolist())), images[missing])
            self.table[numbers[missing]] = rows[missing]
        return self.logits(torch.from_numpy(rows[:, :-EXTRA]).to(views.device, views.dtype))

    @staticmethod
    def crops_of(data_samples: Sequence[DataSample]) -> tuple:
        """Numbers of the samples' crops, and how many there are in all."""
        crops = [sample.get('crop') for sample in data_samples]
        if None in crops:
            raise ValueError(f'model.teacher.cache keeps what a teacher says of fixed crops: {HOW}.')
        if any('gt_score' in sample for sample in data_samples):
            raise ValueError('model.teacher.cache cannot keep mixed images (mixup, cutmix): remove one of the two.')
        return np.array([number for number, _ in crops]), crops[0][1]

    def open(self, logits: Logits, total: int) -> np.ndarray:
        """Open the file, or make it; ``logits`` of some views tell the widths."""
        self.widths = [part.shape[1] for part in (logits.p, *logits.q)]
        shape = (total, self.num_views * sum(self.widths) + EXTRA)
        try:
            if not osp.isfile(self.file):
                os.makedirs(osp.dirname(osp.abspath(self.file)), exist_ok=True)
                temporary = f'{self.file}.{os.getpid()}.npy'
                np.lib.format.open_memmap(temporary, 'w+', np.float16, shape)
                with suppress(FileExistsError):
                    os.link(temporary, self.file)  # the first of several processes wins
                os.remove(temporary)
            found = np.lib.format.open_memmap(self.file, 'r')  # 'r+' would lengthen a file that was cut
            if found.ndim != 2 or found.dtype != np.float16:
                raise ValueError(f'it holds {found.dtype} of the shape {found.shape}')
            if found.shape == shape:
                with open(self.file, 'r+b') as file:  # on a full disk, a write to the map would end the process
                    os.posix_fallocate(file.fileno(), 0, osp.getsize(self.file))
                return np.lib.format.open_memmap(self.file, 'r+')
        except OSError as error:
            what = f'model.teacher.cache: cannot write {self.file} ({2 * shape[0] * shape[1] / 2**20:.1f} MiB)'
            raise OSError(error.errno, f'{what}: {error.strerror}. Make room there, or name another file') from None
        except Exception as error:  # bytes in disorder can lead to almost any
            raise ValueError(f'model.teacher.cache: {self.file} is damaged ({error}). {MEND}') from None
        raise ValueError(
            f'model.teacher.cache: {self.file} holds {found.shape[0]} crops of {found.shape[1] - EXTRA} logits, but '
            f'this run has {total} of {shape[1] - EXTRA}. {MEND}'
        )

    def check(self, kept: np.ndarray, found: np.ndarray, limit: np.ndarray) -> None:
        """Compare what was kept with what is found now, up to half precision."""
        if np.any(np.abs(kept - found) > limit):
            raise ValueError(
                f'model.teacher.cache: {self.file} was made by another teacher, or for other images, crops or '
                f'transforms. {MEND}'
            )

    def views_of(self, views: torch.Tensor, images: List[int]) -> torch.Tensor:
        """The views of some images of a batch."""
        return views.unflatten(0, (-1, self.num_views))[images].flatten(0, 1)

    def flat(self, logits: Logits, images: np.ndarray) -> np.ndarray:
        """Logits of R images' views as filled rows, (R, M * (N + L * N * M) + 6)."""
        parts = torch.cat([logits.p, *logits.q], dim=1).unflatten(0, (-1, self.num_views)).flatten(1)
        rows = np.concatenate([parts.detach().float().cpu().numpy(), images, images[:, :2]], axis=1).astype(np.float16)
        rows[:, -2:] = sums(rows)[:, None].view(np.float16)
        return rows

    def logits(self, rows: torch.Tensor) -> Logits:
        """Back from rows (B, M * (N + L * N * M))."""
        p, *q = rows.unflatten(1, (self.num_views, -1)).flatten(0, 1).split(self.widths, dim=1)
        return Logits(p, q)
