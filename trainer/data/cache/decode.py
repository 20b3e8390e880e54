"""Decoding of encoded images to square RGB pixels."""

import io
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError

from trainer.data.sources.source import RawImage

# Exceptions that Pillow's readers raise for damaged files. A decompression bomb is an image of
# more than 89 million pixels (Pillow's limit), which may come from a small file.
DAMAGE = (
    OSError,
    ValueError,
    SyntaxError,
    EOFError,
    LookupError,
    TypeError,
    ArithmeticError,
    MemoryError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,
)
Fit = Literal["crop", "pad", "squash"]
SIXTEEN_BIT_MODES = ("I", "I;16", "I;16L", "I;16B", "I;16N")


class UndecodableError(Exception):
    """An image that cannot be decoded; the message is the reason."""


class Decoded(NamedTuple):
    """A decoded image.

    Attributes:
        pixels: (size, size, 3) uint8 RGB.
        native_size: Short side of the upright picture before resizing, pixels.
        aspect: Its long side / its short side, >= 1.
        bits: Bits per channel that the levels of the picture need, 8 to 16. White is the level
            2^bits - 1, so pictures with different bits have different scales.
    """

    pixels: npt.NDArray[np.uint8]
    native_size: int
    aspect: float
    bits: int = 8


def decode(raw: RawImage, size: int, *, fit: Fit = "crop") -> Decoded:
    """Return an image as a square, resized with antialiasing.

    All images are converted to RGB: grey and palette images are expanded, 16-bit images keep
    their high byte, transparent images get a white background (as on pages and slides; the
    colours of transparent pixels are arbitrary), CMYK is converted without a profile. The EXIF
    orientation is applied. Only the first frame of an animation is used.

    A JPEG of at least twice the wanted size is decoded at 1/2, 1/4 or 1/8 in its DCT, which is
    2 to 3 times faster and differs by about one grey level.

    Raises:
        UndecodableError: If the image is missing, damaged or too large, or has an unknown range
            of values.
    """
    if raw is None:
        raise UndecodableError("there is no image")
    image, native_size = _load(raw, size) if isinstance(raw, bytes) else (raw, min(raw.size))
    rgb = _to_rgb(image)
    match fit:
        case "crop":
            square = ImageOps.fit(rgb, (size, size), Image.Resampling.BICUBIC)
        case "pad":
            square = ImageOps.pad(rgb, (size, size), Image.Resampling.BICUBIC)
        case "squash":
            square = rgb.resize((size, size), Image.Resampling.BICUBIC)
    return Decoded(np.asarray(square), native_size, max(image.size) / min(image.size))


@contextmanager
def decoding_warnings() -> Iterator[None]:
    """Suppress Pillow's warnings except for decompression bombs, which become errors.

    Warning filters are global to the process: enter the context once, around all threads.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        yield


def _load(encoded: bytes, size: int) -> tuple[Image.Image, int]:
    """Return the upright image, with a JPEG possibly reduced, and its native short side."""
    try:
        image = Image.open(io.BytesIO(encoded))
        native_size = min(image.size)
        image.draft("RGB", (size, size))
        ImageOps.exif_transpose(image, in_place=True)  # reads the pixels as well
    except UnidentifiedImageError as error:
        raise UndecodableError("not an image that Pillow knows") from error
    except DAMAGE as error:
        raise UndecodableError(str(error) or type(error).__name__) from error
    return image, native_size


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode in SIXTEEN_BIT_MODES:
        image = _high_byte(image)
    if image.mode == "F":
        raise UndecodableError("floating-point pixels have no known range")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, (255, 255, 255, 255))
        image = Image.alpha_composite(white, image)
    try:
        return image.convert("RGB")
    except ValueError as error:  # such as LAB, which needs a profile
        raise UndecodableError(str(error)) from error


def _high_byte(image: Image.Image) -> Image.Image:
    """Scale 0..65535 to 0..255; Pillow's own conversion would clip at 255."""
    values = np.asarray(image).astype(np.int64)
    low, high = int(values.min()), int(values.max())
    if not 0 <= low <= high <= 0xFFFF:
        raise UndecodableError(f"pixels must lie in 0..65535, got {low}..{high}")
    return Image.fromarray((values >> 8).astype(np.uint8))
