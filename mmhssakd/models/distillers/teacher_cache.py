"""What a frozen teacher says of a fixed set of crops, computed once and kept in a file."""

import os
import os.path as osp
from typing import Callable, List, Optional, Sequence

import numpy as np
import torch
from mmpretrain.structures import DataSample

from mmhssakd.models.losses.terms import Logits

HOW = "wrap the data set of train_dataloader: dict(type='mmhssakd.FixedCrops', crops=4, dataset=...)"


class TeacherCache:
    """Logits of a teacher for every crop of :class:`mmhssakd.datasets.FixedCrops`, in half precision.

    The file is a memory-mapped numpy array, sparse until it is filled: one row for each crop, of all p and q on all
    views, and a last number that says whether it is filled. Runs may share it, also at the same time on one machine.
    What is computed is rounded as what is read, so that a run does not depend on what was there before.

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
            ValueError: The samples are no fixed crops, or the file was made for others, or by another teacher.
        """
        numbers, total = self.crops_of(data_samples)
        if self.table is None:
            self.table = self.open(teach(views[: self.num_views]), total)
        rows = np.array(self.table[numbers])  # a copy, where it is filled
        missing = np.flatnonzero(rows[:, -1] == 0)
        if len(missing) < len(rows) and not self.checked:
            first = int(np.flatnonzero(rows[:, -1])[0])
            self.check(rows[first], self.flat(teach(self.views_of(views, [first])))[0])
            self.checked = True
        if len(missing):
            rows[missing] = self.flat(teach(self.views_of(views, missing.tolist())))
            self.table[numbers[missing]] = rows[missing]
        return self.logits(torch.from_numpy(rows[:, :-1]).to(views.device, views.dtype))

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
        shape = (total, self.num_views * sum(self.widths) + 1)
        if not osp.isfile(self.file):
            os.makedirs(osp.dirname(osp.abspath(self.file)), exist_ok=True)
            temporary = f'{self.file}.{os.getpid()}.npy'
            np.lib.format.open_memmap(temporary, 'w+', np.float16, shape)
            try:
                os.link(temporary, self.file)  # the first of several processes wins
            except FileExistsError:
                pass
            os.remove(temporary)
        try:
            table = np.lib.format.open_memmap(self.file, 'r+')
        except ValueError as error:
            raise ValueError(f'model.teacher.cache: {self.file} is damaged ({error}). {self.mend()}') from None
        if table.shape != shape or table.dtype != np.float16:
            raise ValueError(
                f'model.teacher.cache: {self.file} holds {table.shape[0]} crops of {table.shape[-1] - 1} logits, but '
                f'this run has {total} of {shape[1] - 1}. {self.mend()}'
            )
        return table

    def mend(self) -> str:
        """What to do about a file that does not fit."""
        return 'Delete it, or name another one: --cfg-options model.teacher.cache=FILE.npy'

    def check(self, kept: np.ndarray, found: np.ndarray) -> None:
        """Compare what was kept of a crop with what the teacher says now, up to half precision."""
        kept, found = kept.astype(np.float32), found.astype(np.float32)
        if np.abs(kept - found).mean() > 0.05 * found[:-1].std():
            raise ValueError(
                f'model.teacher.cache: {self.file} was made by another teacher, or for other images, crops or '
                f'transforms. {self.mend()}'
            )

    def views_of(self, views: torch.Tensor, images: List[int]) -> torch.Tensor:
        """The views of some images of a batch."""
        return views.unflatten(0, (-1, self.num_views))[images].flatten(0, 1)

    def flat(self, logits: Logits) -> np.ndarray:
        """Logits of R images' views as filled rows, (R, M * (N + L * N * M) + 1)."""
        parts = torch.cat([logits.p, *logits.q], dim=1).unflatten(0, (-1, self.num_views)).flatten(1)
        rows = parts.detach().cpu().numpy().astype(np.float16)
        return np.concatenate([rows, np.ones((len(rows), 1), np.float16)], axis=1)

    def logits(self, rows: torch.Tensor) -> Logits:
        """Back from rows (B, M * (N + L * N * M))."""
        p, *q = rows.unflatten(1, (self.num_views, -1)).flatten(0, 1).split(self.widths, dim=1)
        return Logits(p, q)
