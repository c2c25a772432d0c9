"""Rotation by 0, 90, 180 and 270 degrees: the paper's self-supervised task."""
import torch
from mmcv.transforms import BaseTransform

from mmhssakd.registry import TRANSFORMS

NUM_ROTATIONS = 4  # the paper's M


def rotate_views(images: torch.Tensor) -> torch.Tensor:
    """Rotate each image by 0, 90, 180 and 270 degrees counter-clockwise (``t_j``, Sec. III-B).

    Args:
        images (Tensor): Square images of shape (B, C, H, H).

    Returns:
        Tensor: Views of shape (4 * B, C, H, H). Row ``4 * b + j`` is image ``b`` rotated by ``j * 90`` degrees.

    Raises:
        ValueError: The images are not a batch of square images.
    """
    if images.ndim != 4:
        raise ValueError(f'rotate_views needs images of shape (B, C, H, W), but got {tuple(images.shape)}.')
    height, width = images.shape[-2:]
    if height != width:
        raise ValueError(
            f'Rotation needs square images, but the batch has height {height} and width {width}. '
            'Crop or resize to a square in the training pipeline (train_dataloader.dataset.pipeline), '
            "for example with dict(type='RandomResizedCrop', scale=224).")
    return torch.stack([images.rot90(j, (2, 3)) for j in range(NUM_ROTATIONS)], dim=1).flatten(0, 1)


@TRANSFORMS.register_module()
class RotateViews(BaseTransform):
    """The rotation task as a component: views on the device, or per sample in a pipeline.

    The classifiers call :meth:`expand` on a whole batch, after normalisation and on the device, which moves a
    quarter of the data from host to device. As a step of a pipeline, placed after ``PackInputs``, the same
    views are made per sample on the CPU: ``inputs`` of shape (C, H, H) become (4, C, H, H), and the classifiers
    take the collated (N, 4, C, H, H) batches as they are.

    Required Keys (pipeline): ``inputs``. Modified Keys: ``inputs``.
    """

    num_views = NUM_ROTATIONS

    def expand(self, images: torch.Tensor) -> torch.Tensor:
        """Make the views of a batch, see :func:`rotate_views`."""
        return rotate_views(images)

    def transform(self, results: dict) -> dict:
        """Replace ``inputs`` (C, H, H) by its views (4, C, H, H).

        Raises:
            TypeError: ``inputs`` is not there yet, or is not a tensor.
        """
        images = results.get('inputs')
        if not isinstance(images, torch.Tensor):
            raise TypeError('RotateViews rotates the packed tensor: put it after PackInputs in the pipeline. '
                            f'It found {sorted(results)} in the results.')
        results['inputs'] = self.expand(images[None])
        return results
