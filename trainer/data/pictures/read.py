"""Files of all formats as RGB pictures, read by Pillow and not turned yet."""

import dataclasses
import functools
import io
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from PIL import Image, UnidentifiedImageError

from trainer.data.pictures import heif, jpeg, jpeg2000, jpeg_end, png, tiff, webp
from trainer.data.pictures.encoded import Encoded, Format, UndecodableError
from trainer.data.pictures.levels import to_rgb
from trainer.data.pictures.orientation import orientation
from trainer.data.pictures.signature import picture_format

Size = tuple[int, int]
Box = tuple[float, float, float, float]
Arguments = tuple[Any, ...] | str | None
# Orders of the bytes of samples with 16 bits (big, little, native), and the opposite of each.
FOREIGN = "B" if sys.byteorder == "little" else "L"
SWAPPED = {"RGB;16B": "RGB;16L", "RGB;16L": "RGB;16B", "RGB;16N": f"RGB;16{FOREIGN}"}
NO_HEIF = (
    "HEIC and HEIF pictures need pillow-heif (pip install 'training-aware-nas[heif]'), or convert "
    "them to JPEG"
)


class _Loaded(NamedTuple):
    """What Pillow read; as in `Picture`, but with the colours of the file."""

    image: Image.Image
    box: Box
    size: Size
    orientation: int
    has_low_bytes: bool


class Picture(NamedTuple):
    """A decoded picture as it lies in its file.

    Attributes:
        rgb: Its pixels, possibly reduced.
        box: The part of `rgb` that the picture covers, in pixels of `rgb`: the edges of a
            reduced JPEG can be fractions of a pixel wide.
        size: Width and height in the file.
        orientation: How it lies, 1 to 8; see `trainer.data.pictures.orientation`.
        bits: See `trainer.data.pictures.levels.to_rgb`.
    """

    rgb: Image.Image
    box: Box
    size: Size
    orientation: int
    bits: int | None


def read(raw: bytes, wanted: Callable[[Size], Size]) -> Picture:
    """Read a picture; a JPEG is reduced in its DCT if it is at least twice the wanted size.

    Args:
        raw: The file.
        wanted: Returns the size that a picture of a given width and height will be resized to.

    Raises:
        UndecodableError: If the file is no picture or damaged, or its colours have no known
            range.
        MemoryError: If there is not enough memory for the picture.
    """
    encoded = _without_metadata(raw)
    with _damage(encoded.format):
        try:
            loaded = _load(encoded, wanted)
        except OSError:
            ended = jpeg_end.with_end(encoded.content) if encoded.format == "JPEG" else None
            if ended is None:
                raise
            loaded = _load(dataclasses.replace(encoded, content=ended), wanted)
    low_bytes = functools.partial(_low_bytes, encoded) if loaded.has_low_bytes else None
    rgb, bits = to_rgb(loaded.image, encoded, low_bytes)
    return Picture(rgb, loaded.box, loaded.size, loaded.orientation, bits)


def _without_metadata(raw: bytes) -> Encoded:
    match picture_format(raw):
        case "JPEG":
            return jpeg.without_metadata(raw)
        case "PNG":
            return png.without_metadata(raw)
        case "WEBP":
            return webp.without_metadata(raw)
        case "TIFF":
            return tiff.without_metadata(raw)
        case "HEIF":
            if not heif_is_read():
                raise UndecodableError(NO_HEIF)
            return heif.without_metadata(raw, "HEIF")
        case "JPEG2000":
            return jpeg2000.checked(raw)
        case "AVIF":
            return heif.without_metadata(raw, "AVIF")
        case other:
            return Encoded(content=raw, format=other)


@functools.cache
def heif_is_read() -> bool:
    """Return whether pillow-heif is installed, and register it as Pillow's reader of HEIF."""
    try:
        import pillow_heif  # optional: pip install 'training-aware-nas[heif]'
    except ImportError:
        return False
    pillow_heif.register_heif_opener()
    return True


def _load(encoded: Encoded, wanted: Callable[[Size], Size]) -> _Loaded:
    image = Image.open(io.BytesIO(encoded.content), formats=(encoded.format,))
    native = image.size
    draft = image.draft("RGB", wanted(native))
    has_low_bytes = bool(image.tile) and _sample_order(image.tile[0].args) in SWAPPED
    image.load()
    if draft is None:  # a damaged HEIC may have another size than its header states
        native = image.size
    box = (0, 0, *native) if draft is None else draft[1]
    lies = encoded.orientation
    if encoded.format == "AVIF":  # the property of the picture, which Pillow gives as Exif block
        lies = orientation(image.info.get("exif", b""))
    return _Loaded(image, box, native, lies, has_low_bytes)


def _low_bytes(encoded: Encoded) -> Image.Image:
    """Return the low bytes of a picture with 16 bits per colour.

    Pillow keeps the high bytes. With the other byte order it keeps the low ones.
    """
    with _damage(encoded.format):
        image = Image.open(io.BytesIO(encoded.content), formats=(encoded.format,))
        image.tile = [tile._replace(args=_swapped(tile.args)) for tile in image.tile]
        image.load()
        return image


def _sample_order(arguments: Arguments) -> str:
    """Return how Pillow finds the samples in the decompressed file, such as "RGB;16B".

    Args:
        arguments: The arguments of Pillow's decoder, of which the first is the order.
    """
    order = arguments[0] if isinstance(arguments, tuple) and arguments else arguments
    return order if isinstance(order, str) else ""


def _swapped(arguments: Arguments) -> Arguments:
    """Return the arguments of Pillow's decoder with the opposite order of bytes."""
    order = SWAPPED[_sample_order(arguments)]
    return (order, *arguments[1:]) if isinstance(arguments, tuple) else order


@contextmanager
def _damage(kind: Format) -> Iterator[None]:
    """Turn whatever Pillow's readers raise for a damaged file into the reason."""
    try:
        yield
    except (UndecodableError, MemoryError):
        raise
    except UnidentifiedImageError as error:
        raise UndecodableError(f"damaged {kind} file, or one that Pillow cannot read") from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise UndecodableError(
            f"it has more than {Image.MAX_IMAGE_PIXELS or 0:,} pixels; make it smaller"
        ) from error
    except Exception as error:
        reason = str(error) or type(error).__name__
        raise UndecodableError(f"damaged {kind} file, {reason}") from error
