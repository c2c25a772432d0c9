"""What every self-supervised task is: a set of M transformations, the first of which is the identity."""

from abc import abstractmethod

import torch
from mmcv.transforms import BaseTransform


class Views(BaseTransform):
    """A set of transformations as a component: views on the device, or per sample in a pipeline.

    The classifiers call :meth:`expand` on a whole batch, after normalization and on the device, which moves one
    M-th of the data from host to device. As a step of a pipeline, placed after ``PackInputs``, the same views are made
    per sample on the CPU, and the classifiers take the collated (N, M, C, H, W) batches as they are.

    Attributes:
        num_views (int): M. Everything that depends on it derives it from here.
    """

    num_views: int

    @abstractmethod
    def expand(self, images: torch.Tensor) -> torch.Tensor:
        """Make the views of a batch.

        Args:
            images (Tensor): (B, C, H, W).

        Returns:
            Tensor: (B * M, C, H, W). Row ``M * b + j`` is image ``b`` under transformation ``j``.

        Raises:
            ValueError: The transformations do not fit the images.
        """

    def transform(self, results: dict) -> dict:
        """Replace ``inputs`` (C, H, W) by its views (M, C, H, W).

        Raises:
            TypeError: ``inputs`` is not there yet, or is not a tensor.
        """
        images = results.get('inputs')
        if not isinstance(images, torch.Tensor):
            name = type(self).__name__
            raise TypeError(f'{name} must come after PackInputs in the pipeline. It found {sorted(results)}.')
        results['inputs'] = self.expand(images[None])
        return results
