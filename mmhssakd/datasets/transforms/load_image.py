"""Read an image file, and notice when it is not whole."""

from typing import Optional

import cv2
import mmcv
import numpy as np
from mmcv.transforms import LoadImageFromFile
from mmengine import fileio

from mmhssakd.registry import TRANSFORMS

JPEG, JPEG_SCAN, JPEG_END = b'\xff\xd8', 0xDA, b'\xff\xd9'
PNG, PNG_END = b'\x89PNG\r\n\x1a\n', b'IEND'


class BrokenImageError(ValueError):
    """An image file that cannot be read; the message names it."""


def is_whole(data: bytes) -> bool:
    """Whether an encoded JPEG or PNG reaches its end; other formats always count as whole.

    OpenCV decodes a truncated JPEG without an error and fills the missing part with gray.
    """
    if data.startswith(PNG):
        return PNG_END in data[-64:]
    if not data.startswith(JPEG):
        return True
    place = len(JPEG)
    while place + 4 <= len(data) and data[place] == 0xFF:  # segments before the picture, each with its length
        if data[place + 1] == 0xFF:  # padding
            place += 1
        elif data[place + 1] == JPEG_SCAN:
            return data.find(JPEG_END, place) >= 0
        else:
            place += 2 + int.from_bytes(data[place + 2 : place + 4], 'big')
    return False


@TRANSFORMS.register_module()
class LoadImage(LoadImageFromFile):
    """mmcv's ``LoadImageFromFile``, for which a file that is missing, empty, truncated or no image is an error.

    ``tools/train.py`` and ``tools/test.py`` put it in the place of ``LoadImageFromFile``. Arguments, required keys
    and added keys are the same. As there, 16-bit images become 8-bit, palettes and gray become color, and
    transparency is dropped (``color_type='color'``).

    Raises:
        BrokenImageError: The file cannot be read; the message names it.
    """

    def transform(self, results: dict) -> Optional[dict]:
        """Read ``img_path`` into ``img`` (H, W, C)."""
        try:
            image = self.read(results['img_path'])
        except BrokenImageError:
            if self.ignore_empty:
                return None
            raise
        if self.to_float32:
            image = image.astype(np.float32)
        results.update(img=image, img_shape=image.shape[:2], ori_shape=image.shape[:2])
        return results

    def read(self, path: str) -> np.ndarray:
        """Read one file."""
        try:
            data = fileio.get(path, backend_args=self.backend_args)
        except OSError as error:
            raise BrokenImageError(f'cannot read the image {path}: {error.strerror or error}') from None
        if not is_whole(data):
            raise BrokenImageError(f'cannot read the image {path}: the file is truncated ({len(data)} bytes)')
        try:
            image = mmcv.imfrombytes(data, flag=self.color_type, backend=self.imdecode_backend)
        except (cv2.error, OSError, ValueError) as error:
            why = error if data else 'the file is empty'
            raise BrokenImageError(f'cannot read the image {path}: {why}') from None
        if image is None:
            raise BrokenImageError(f'cannot read the image {path}: it holds no image of a known format')
        return image
