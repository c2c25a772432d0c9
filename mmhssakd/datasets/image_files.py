"""Read image files, and notice those that are not whole."""

from pathlib import Path
from typing import Optional, Union

from mmengine import fileio
from mmengine.fileio import LocalBackend, register_backend

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


@register_backend('whole_images')
class WholeImages(LocalBackend):
    """A file backend for ``LoadImageFromFile`` that refuses files that are missing, empty or truncated.

    Our runners give it to every ``LoadImageFromFile``; in a pipeline of your own,
    ``backend_args=dict(backend='whole_images')``.

    Args:
        inner (dict, optional): ``backend_args`` of the backend that reads the file. Defaults to None, by its path.
    """

    def __init__(self, inner: Optional[dict] = None) -> None:
        self.inner = inner

    def get(self, filepath: Union[str, Path]) -> bytes:
        """Read a file.

        Raises:
            BrokenImageError: It cannot be read, or is not whole; the message names it.
        """
        try:
            data = fileio.get(filepath, backend_args=self.inner)
        except OSError as error:
            raise BrokenImageError(f'cannot read the image {filepath}: {error.strerror or error}') from None
        if not data or not is_whole(data):
            why = f'the file is truncated ({len(data)} bytes)' if data else 'the file is empty'
            raise BrokenImageError(f'cannot read the image {filepath}: {why}')
        return data
