"""PNG files with only the chunks that decide about pixels.

Source: PNG specification, third edition (W3C, 2025), sections 5 and 11.
"""

import struct
import zlib
from collections.abc import Iterator

from trainer.data.pictures.encoded import Encoded, UndecodableError
from trainer.data.pictures.orientation import orientation

SIGNATURE_BYTES = 8
GREY, RGB, PALETTE = 0, 2, 3
MAX_TEXT = 2**20  # bytes of decompressed text that are searched for an orientation
EXIF_TEXT, XMP_TEXT = b"Raw profile type exif\0", b"XML:com.adobe.xmp\0"


def without_metadata(raw: bytes) -> Encoded:
    """Return a PNG file without its metadata, and the transparent colour apart.

    Pillow compares a transparent colour of 2, 4 or 16 bits with levels of 8 bits. So the colour
    is taken out of the file and compared in `trainer.data.pictures.levels`. The first frame of
    an animation stays: the other frames and their control chunks are left out.

    Raises:
        UndecodableError: If the chunk of the transparent colour is damaged.
    """
    bits = kind = None
    exif = xmp = b""
    key = None
    kept = [raw[:SIGNATURE_BYTES]]
    for name, start, end in _chunks(raw):
        data = slice(start + 8, end - 4)
        if name == b"IHDR" and len(raw[data]) >= 10:
            bits, kind = raw[data][8:10]
        if name == b"tRNS" and kind in (GREY, RGB):
            key = _colour_key(raw[start:end], bits or 8, 1 if kind == GREY else 3)
        elif _is_critical(name) or (name == b"tRNS" and kind == PALETTE):
            kept.append(raw[start:end])
        elif name == b"eXIf":
            exif = raw[data]
        elif name in (b"tEXt", b"zTXt", b"iTXt"):
            if raw.startswith(EXIF_TEXT, data.start):
                exif = exif or _hexadecimal(_text(name, raw[data]))
            elif raw.startswith(XMP_TEXT, data.start):
                xmp = _text(name, raw[data])
    return Encoded(
        content=b"".join(kept),
        format="PNG",
        orientation=orientation(exif, xmp),
        bits=bits,
        colour_key=key,
    )


def _chunks(raw: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield the name of every chunk and its place, with length, name and checksum.

    The last one may be incomplete. What follows IEND is no part of the picture.
    """
    position = SIGNATURE_BYTES
    while position + 8 <= len(raw):
        length, name = struct.unpack_from(">I4s", raw, position)
        end = position + 12 + length
        yield name, position, end
        if name == b"IEND":
            return
        position = end


def _is_critical(name: bytes) -> bool:
    """Return whether the fifth bit of the first letter says so; animation chunks are not."""
    return not name[0] & 0x20


def _colour_key(chunk: bytes, bits: int, count: int) -> tuple[int, ...]:
    """Return the samples of a chunk tRNS; only their lowest `bits` bits count (11.3.1.1)."""
    body, checksum = chunk[4:-4], chunk[-4:]
    if len(body) < 4 + 2 * count or zlib.crc32(body).to_bytes(4, "big") != checksum:
        raise UndecodableError(
            "damaged PNG file, its transparent colour (chunk tRNS) is unreadable"
        )
    return tuple(s & (1 << bits) - 1 for s in struct.unpack_from(f">{count}H", body, 4))


def _text(name: bytes, data: bytes) -> bytes:
    """Return the text of a chunk tEXt, zTXt or iTXt, without what cannot be read of it."""
    _, _, rest = data.partition(b"\0")
    compressed = name == b"zTXt"
    if compressed:
        rest = rest[1:]  # the compression method
    elif name == b"iTXt":
        compressed, rest = rest[:1] == b"\1", rest[2:]
        rest = b"".join(rest.split(b"\0", 2)[2:])  # after the language and translated keyword
    if not compressed:
        return rest
    try:
        return zlib.decompressobj().decompress(rest, MAX_TEXT)
    except zlib.error:
        return b""


def _hexadecimal(text: bytes) -> bytes:
    """Return the Exif block in ImageMagick's form: a newline, name, length, hexadecimal lines."""
    try:
        return bytes.fromhex(b"".join(text.split(b"\n")[3:]).decode("ascii"))
    except ValueError:
        return b""
