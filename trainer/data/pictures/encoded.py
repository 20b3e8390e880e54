"""An encoded picture without its metadata, as Pillow reads it."""

from dataclasses import dataclass
from typing import Literal

# Names of Pillow's readers. Pillow is only ever asked for one of these: its other readers start
# programs (EPS: Ghostscript), read vector graphics, or were never meant for untrusted files.
Format = Literal["AVIF", "BMP", "GIF", "HEIF", "JPEG", "JPEG2000", "PNG", "PPM", "TIFF", "WEBP"]


class UndecodableError(Exception):
    """An image that cannot be decoded; the message is the reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoded:
    """A file that holds pixels and what is needed to read them, and no other metadata.

    Attributes:
        content: The file for Pillow.
        format: Pillow's reader for it.
        orientation: How the picture lies in the file, as the EXIF orientation 1 to 8; 1 if it is
            upright, or if nothing readable says otherwise.
        bits: Bits of a grey sample or of each colour, if the file states them.
        colour_key: The sample, or the three samples, of fully transparent pixels, with `bits`
            bits; None if there is no such colour.
        white_is_zero: Whether the grey levels are still to be inverted.
    """

    content: bytes
    format: Format
    orientation: int = 1
    bits: int | None = None
    colour_key: tuple[int, ...] | None = None
    white_is_zero: bool = False
