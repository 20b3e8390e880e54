"""From an encoded image to square RGB pixels, and the reasons why some cannot be."""

import io
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError

from trainer.data.sources.source import RawImage

# What Pillow's readers are known to raise on damaged files. A bomb is a picture of more than
# 89 million pixels (Pillow's limit), which a small file can unpack to.
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
SIXTEEN_BIT_MODES = ("I", "I;16", "I;16L", "I;16B", "I;16N")


class UndecodableError(Exception):
    """An image that cannot be decoded; the message is the reason."""


def decode(raw: RawImage, size: int) -> tuple[npt.NDArray[np.uint8], int]:
    """Return the centre square of an image, resized with antialiasing, and its native size.

    Everything becomes RGB: grey and palette images are expanded, 16-bit ones keep their high
    byte, transparent ones lie on white (what pages and slides show behind them; the colours
    under the transparency are arbitrary), CMYK is converted without a profile. The EXIF
    orientation is applied. Of an animation the first frame counts.

    A JPEG of at least twice the wanted size is decoded at 1/2, 1/4 or 1/8 in its DCT: 2 to 3
    times faster, and about one grey level away from decoding it whole.

    Args:
        raw: The encoded file, or a picture; None is refused as missing.
        size: Side of the result, pixels.

    Returns:
        Pixels (size, size, 3), and the short side before resizing, pixels.

    Raises:
        UndecodableError: If it is damaged, too large, or has no range of values to go by.
    """
    if raw is None:
        raise UndecodableError("there is no image")
    image, native_size = _load(raw, size) if isinstance(raw, bytes) else (raw, min(raw.size))
    return np.asarray(_square(_to_rgb(image), size)), native_size


@contextmanager
def decoding_warnings() -> Iterator[None]:
    """Keep Pillow's remarks on odd metadata quiet and make a bomb an error, for all threads.

    Warning filters belong to the process: enter this once, around the threads.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        yield


def _load(encoded: bytes, size: int) -> tuple[Image.Image, int]:
    """Return the upright image, a JPEG at a fraction of its size, and its native short side."""
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
    except ValueError as error:  # LAB, for one, needs a profile
        raise UndecodableError(str(error)) from error


def _high_byte(image: Image.Image) -> Image.Image:
    """Scale 0..65535 to 0..255, where Pillow's own conversion would cut off at 255."""
    values = np.asarray(image).astype(np.int64)
    low, high = int(values.min()), int(values.max())
    if not 0 <= low <= high <= 0xFFFF:
        raise UndecodableError(f"pixels must lie in 0..65535, got {low}..{high}")
    return Image.fromarray((values >> 8).astype(np.uint8))


def _square(image: Image.Image, size: int) -> Image.Image:
    """Return the centre square at `size`; only the square is resized."""
    width, height = image.size
    short = min(width, height)
    left, top = (width - short) / 2, (height - short) / 2
    if (width, height) == (size, size):
        return image
    return image.resize(
        (size, size), Image.Resampling.BICUBIC, box=(left, top, left + short, top + short)
    )
