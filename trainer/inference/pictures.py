"""Pictures to predict: their names, and how each is read."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from search_space.checks import shown
from trainer.data.pictures.encoded import UndecodableError
from trainer.data.sources.entries import unread_photo
from trainer.data.sources.source import RawImage, SourceSplit

# A picture in memory: the bytes of a file, a picture of Pillow, or an array (height, width) or
# (height, width, 3), uint8.
GivenPicture = bytes | Image.Image | npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pictures(ABC):
    """Pictures that are read when they are needed.

    Attributes:
        names: What each is called in the results.
    """

    names: Sequence[str]

    def __len__(self) -> int:
        return len(self.names)

    @abstractmethod
    def read(self, index: int) -> RawImage:
        """Return a picture as it is stored; called from several threads.

        Raises:
            UndecodableError: If it cannot be read; the message is the reason.
        """


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PictureFiles(Pictures):
    """Pictures in files.

    Attributes:
        paths: The files.
    """

    paths: Sequence[Path]

    def read(self, index: int) -> bytes:
        """Return the content of a file."""
        return _content(self.paths[index])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SplitPictures(Pictures):
    """Pictures of a data set.

    Attributes:
        split: The split with the pictures.
    """

    split: SourceSplit

    def read(self, index: int) -> RawImage:
        """Return a picture of the split."""
        try:
            return self.split.read(index, index + 1)[0]
        except OSError as error:
            raise UndecodableError(error.strerror or str(error)) from error


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GivenPictures(Pictures):
    """Pictures that a program gives, in memory or in files.

    Attributes:
        pictures: The pictures.
    """

    pictures: Sequence[RawImage | Path]

    def read(self, index: int) -> RawImage:
        """Return a picture; one of Pillow is turned as its Exif block says."""
        picture = self.pictures[index]
        if isinstance(picture, Path):
            return _content(picture)
        if not isinstance(picture, Image.Image):
            return picture
        try:
            return ImageOps.exif_transpose(picture)
        except MemoryError:
            raise
        except Exception as error:  # Pillow reads the file now, and raises what it likes
            reason = str(error) or type(error).__name__
            raise UndecodableError(f"Pillow cannot read it, {reason}") from error


def picture_of(given: GivenPicture) -> RawImage:
    """Return a picture in memory as the decoder takes it.

    Raises:
        ValueError: If it is an array of another type or shape.
        TypeError: If it is no picture.
    """
    if isinstance(given, bytes | bytearray | memoryview):
        return bytes(given)
    if isinstance(given, Image.Image):
        return given
    if not isinstance(given, np.ndarray):
        raise TypeError(
            "an image must be a path, bytes, a picture of Pillow or an array, got "
            f"{type(given).__name__}"
        )
    is_picture = given.ndim == 2 or (given.ndim == 3 and given.shape[2] == 3)
    if given.dtype != np.uint8 or not is_picture or given.size == 0:
        raise ValueError(
            "an array must be (height, width) or (height, width, 3) of uint8, got "
            f"{shown(given.shape)} of {given.dtype}"
        )
    return Image.fromarray(given)


def _content(path: Path) -> bytes:
    """Return the content of a picture file; raises as `Pictures.read`."""
    if reason := unread_photo(path.name):
        raise UndecodableError(f"it {reason}")
    try:
        if path.is_file():  # reading a FIFO would wait
            return path.read_bytes()
        exists = path.exists()
    except OSError as error:
        raise UndecodableError(error.strerror or str(error)) from error
    link = "it is a link to nothing" if path.is_symlink() else "there is no such file"
    raise UndecodableError("it is not a file" if exists else link)
