"""Functions that write PNG, TIFF and JPEG files byte by byte, as Pillow does not write them."""

import struct
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def png_chunk(name: bytes, data: bytes) -> bytes:
    checksum = zlib.crc32(name + data)
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", checksum)


def png(
    size: tuple[int, int], bits: int, colour_type: int, rows: Sequence[bytes], extra: bytes = b""
) -> bytes:
    """Return a PNG with unfiltered rows; `extra` chunks come before the pixels."""
    header = struct.pack(">IIBBBBB", *size, bits, colour_type, 0, 0, 0)
    pixels = zlib.compress(b"".join(b"\0" + row for row in rows))
    return b"".join(
        (
            PNG_SIGNATURE,
            png_chunk(b"IHDR", header),
            extra,
            png_chunk(b"IDAT", pixels),
            png_chunk(b"IEND", b""),
        )
    )


def tiff(
    pixels: npt.NDArray[Any],
    *,
    bits: Sequence[int],
    photometric: int = 1,
    order: str = "<",
    deflate: bool = False,
    extra: Sequence[tuple[int, int, int, bytes]] = (),
) -> bytes:
    """Return a TIFF of one strip.

    Args:
        pixels: (height, width) or (height, width, samples), in the byte order of the file.
        bits: Bits of each sample.
        photometric: 0 white is zero, 1 black is zero, 2 RGB.
        order: Byte order for `struct`.
        deflate: Whether the strip is compressed (Adobe's deflate, compression 8).
        extra: Further entries: tag, type, count, and the value or its offset (4 bytes).
    """
    height, width = pixels.shape[:2]
    data = zlib.compress(pixels.tobytes()) if deflate else pixels.tobytes()
    depths = struct.pack(f"{order}{len(bits)}H", *bits)
    depths_at = 8 + len(data) + len(data) % 2
    table_at = depths_at + len(depths)

    def short(value: int) -> bytes:
        return struct.pack(order + "HH", value, 0)

    def long(value: int) -> bytes:
        return struct.pack(order + "I", value)

    entries = [
        (256, 3, 1, short(width)),
        (257, 3, 1, short(height)),
        (258, 3, len(bits), depths.ljust(4, b"\0") if len(bits) < 3 else long(depths_at)),
        (259, 3, 1, short(8 if deflate else 1)),
        (262, 3, 1, short(photometric)),
        (273, 4, 1, long(8)),
        (277, 3, 1, short(len(bits))),
        (278, 3, 1, short(height)),
        (279, 4, 1, long(len(data))),
    ]
    entries = sorted([*entries, *extra])
    table = b"".join(struct.pack(order + "HHI4s", *entry) for entry in entries)
    head = (b"II*\0" if order == "<" else b"MM\0*") + long(table_at)
    body = data.ljust(depths_at - 8, b"\0") + depths
    return head + body + struct.pack(order + "H", len(entries)) + table + bytes(4)


def jpeg_segment(marker: int, data: bytes) -> bytes:
    return b"\xff" + bytes([marker]) + struct.pack(">H", len(data) + 2) + data


def exif(orientation: int, order: str = "<", kind: int = 3) -> bytes:
    """Return an Exif block, without its prefix, that holds only the orientation."""
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8)
    layout = {1: "B3x", 3: "H2x", 4: "I"}[kind]
    entry = struct.pack(order + "HHI" + layout, 0x112, kind, 1, orientation)
    return head + struct.pack(order + "H", 1) + entry + bytes(4)


def corners(width: int = 40, height: int = 24) -> npt.NDArray[np.uint8]:
    """Return RGB pixels whose quarters have four colours: no two orientations look the same."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[: height // 2, : width // 2] = (250, 10, 20)
    pixels[: height // 2, width // 2 :] = (30, 240, 40)
    pixels[height // 2 :, : width // 2] = (50, 60, 230)
    pixels[height // 2 :, width // 2 :] = (220, 210, 70)
    return pixels
