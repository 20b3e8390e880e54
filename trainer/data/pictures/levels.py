"""Colours of every kind as RGB with 8 bits, on a white background where they are transparent."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from PIL import Image

from trainer.data.pictures.encoded import Encoded, UndecodableError

GREY_MODES = ("I", "I;16", "I;16L", "I;16B", "I;16N")
# Depths of sensors and of file formats. Levels are stretched from one of them, and not from the
# brightest level, so that pictures of one set do not all get different scales.
DEPTHS = (8, 10, 12, 14, 16)
WHITE = 255

Levels = npt.NDArray[np.int32]


def to_rgb(
    image: Image.Image, encoded: Encoded | None, low_bytes: Callable[[], Image.Image] | None
) -> tuple[Image.Image, int | None]:
    """Return a picture as RGB, and the depth that its levels were found to have.

    Args:
        image: A loaded picture.
        encoded: The file that it was read from, or None if it was rendered.
        low_bytes: Reads the low bytes of the colours, if the file has 16 bits per colour and
            `image` holds their high bytes.

    Returns:
        The picture, and one of `DEPTHS` if the levels have more than 8 bits and the file does
        not say how many of them are used, or else None.

    Raises:
        UndecodableError: If the levels have no known range, or the colours need a profile.
    """
    key = None if encoded is None else encoded.colour_key
    if image.mode == "F":
        raise UndecodableError("floating-point pixels have no known range")
    if image.mode in GREY_MODES:
        return _grey(np.asarray(image).astype(np.int32), encoded)
    opaque = not image.has_transparency_data
    if low_bytes is not None and opaque and (key is not None or _is_dark(image)):
        high, low = np.asarray(image).astype(np.int32), np.asarray(low_bytes()).astype(np.int32)
        values = high << 8 | low
        if key is None:
            return _stretched(values)
        clear = (values == key).all(axis=2)
        return _on_white(np.asarray(image), clear), None
    rgb = _to_8_bit_rgb(image)
    if encoded is not None and key is not None:
        return _on_white(np.asarray(rgb), _matches(rgb, key, encoded.bits or 8)), None
    return rgb, DEPTHS[-1] if low_bytes is not None and opaque else None


def _grey(values: Levels, encoded: Encoded | None) -> tuple[Image.Image, int | None]:
    low, high = int(values.min()), int(values.max())
    if not 0 <= low <= high <= 0xFFFF:
        raise UndecodableError(
            f"pixels must lie in 0..65535, got {low}..{high}; convert them to 8 or 16 bits"
        )
    bits = None if encoded is None else encoded.bits
    if encoded is not None and encoded.colour_key is not None:
        clear = values == encoded.colour_key[0]
        return _on_white((values >> 8).astype(np.uint8), clear), None
    if encoded is not None and encoded.white_is_zero and bits is not None:
        values = ((1 << bits) - 1) - np.minimum(values, (1 << bits) - 1)
        return _to_8_bits(values, bits), None
    if bits is not None and 8 < bits < 16:  # the file states its depth
        return _to_8_bits(values, bits), None
    return _stretched(values)


def _stretched(values: Levels) -> tuple[Image.Image, int]:
    """Return levels below 65536, stretched from the smallest depth that holds all of them."""
    highest = int(values.max())
    depth = next(depth for depth in DEPTHS if highest < 1 << depth)
    return _to_8_bits(values, depth), depth


def _to_8_bits(values: Levels, depth: int) -> Image.Image:
    """Return the upper 8 of `depth` bits; Pillow's own conversion would clip at 255."""
    return Image.fromarray((values >> (depth - 8)).astype(np.uint8)).convert("RGB")


def _is_dark(image: Image.Image) -> bool:
    """Return whether the high bytes leave the upper two bits unused, so that depth matters."""
    return int(np.asarray(image).max()) < 64


def _matches(rgb: Image.Image, key: tuple[int, ...], bits: int) -> npt.NDArray[np.bool_]:
    """Return where a picture of up to 8 bits has the transparent colour."""
    levels = [sample * 255 // ((1 << bits) - 1) for sample in key]  # as Pillow expands samples
    same: npt.NDArray[np.bool_] = (np.asarray(rgb) == levels).all(
        axis=2
    )  # a grey level is compared thrice
    return same


def _on_white(pixels: npt.NDArray[np.uint8], clear: npt.NDArray[np.bool_]) -> Image.Image:
    pixels = pixels.copy()
    pixels[clear] = WHITE
    return Image.fromarray(pixels).convert("RGB")


def _to_8_bit_rgb(image: Image.Image) -> Image.Image:
    if image.mode == "LAB":
        raise UndecodableError("LAB colours need a profile; convert them to RGB")
    try:
        if image.has_transparency_data:
            if image.mode == "La":  # with premultiplied alpha, which converts to LA alone
                image = image.convert("LA")
            image = image.convert("RGBA")
            white = Image.new("RGBA", image.size, (WHITE,) * 4)
            image = Image.alpha_composite(white, image)
        return image if image.mode == "RGB" else image.convert("RGB")
    except ValueError as error:  # such as a palette that is longer than its indices reach
        raise UndecodableError(f"the colours are damaged, {error}") from error
