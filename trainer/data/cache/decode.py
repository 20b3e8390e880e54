"""Decoding of encoded images to square RGB pixels."""

import functools
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image

from trainer.config import Fit
from trainer.data.pictures.encoded import UndecodableError
from trainer.data.pictures.levels import to_rgb
from trainer.data.pictures.libtiff import silent_libtiff
from trainer.data.pictures.read import Picture, Size, read
from trainer.data.pictures.square import resized_size, square
from trainer.data.sources.source import RawImage

__all__ = ["Decoded", "Fit", "UndecodableError", "decode", "decoding_warnings"]


class Decoded(NamedTuple):
    """A decoded image.

    Attributes:
        pixels: (size, size, 3) uint8 RGB.
        native_size: Short side of the upright picture before resizing, pixels.
        aspect: Its long side / its short side, >= 1.
        bits: The depth to which the levels of a picture of more than 8 bits reach: 8, 10, 12,
            14 or 16, with white at 2^bits - 1. Two such pictures with different `bits` have
            different scales. None if the file states the scale: usual pictures of 8 bits, and
            those of more bits that are transparent, state a depth, or have white as zero.
    """

    pixels: npt.NDArray[np.uint8]
    native_size: int
    aspect: float
    bits: int | None = None


def decode(raw: RawImage, size: int, *, fit: Fit = "crop") -> Decoded:
    """Return an image as an upright square, resized with antialiasing.

    All images are converted to RGB: grey and palette images are expanded, transparent images get
    a white background (as on pages and slides; the colours of transparent pixels are arbitrary),
    CMYK is converted without a profile. Levels of more than 8 bits are scaled from the smallest
    depth that holds all of them (`Decoded.bits`). Only the first frame of an animation is used.
    Of the metadata only the orientation is read, and it is applied; what else is damaged in the
    metadata does not matter.

    A JPEG of at least twice the wanted size is decoded at 1/2, 1/4 or 1/8 in its DCT, which is
    2 to 3 times faster and differs by about one grey level.

    Raises:
        UndecodableError: If the image is missing, damaged or too large, or has an unknown range
            of values.
        MemoryError: If there is not enough memory for the image.
    """
    if raw is None:
        raise UndecodableError("there is no image")
    if isinstance(raw, bytes):
        picture = read(raw, functools.partial(_wanted, size, fit))
    else:
        rgb, bits = to_rgb(raw, None, None)
        picture = Picture(rgb, (0, 0, *raw.size), raw.size, 1, bits)
    pixels = square(picture.rgb, picture.box, size, fit=fit, orientation=picture.orientation)
    short, long = min(picture.size), max(picture.size)
    return Decoded(np.asarray(pixels), short, long / short, picture.bits)


def _wanted(side: int, fit: Fit, native: Size) -> Size:
    return resized_size(*native, side, fit)


@contextmanager
def decoding_warnings() -> Iterator[None]:
    """Suppress Pillow's warnings except for decompression bombs, which become errors.

    libtiff prints nothing either. Warning filters, log levels and its handler are global to the
    process: enter the context once, around all threads.
    """
    log = logging.getLogger("PIL")
    level = log.level
    log.setLevel(logging.CRITICAL)
    try:
        with silent_libtiff(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            yield
    finally:
        log.setLevel(level)
