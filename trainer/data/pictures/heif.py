"""AVIF and HEIC files, whose Exif block is hidden from the reader.

Source: ISO/IEC 14496-12 (boxes meta, iinf and infe) and 23008-12 (HEIF). There the orientation
is a property of the picture (irot, imir), and that of the Exif block is to be ignored.
"""

import struct
from collections.abc import Iterator

from trainer.data.pictures.encoded import Encoded, Format

AVIF_BRANDS = frozenset((b"avif", b"avis"))
HEIC_BRANDS = frozenset((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"))
FULL_BOX = 4  # bytes of version and flags


def brand(raw: bytes) -> Format | None:
    """Return which of the two formats the box ftyp names, or None if it names neither."""
    size = int.from_bytes(raw[:4], "big")
    if raw[4:8] != b"ftyp":
        return None
    head = raw[8 : min(size, 256)]
    brands = {head[:4], *(head[i : i + 4] for i in range(8, len(head) - 3, 4))}
    if brands & AVIF_BRANDS:
        return "AVIF"
    return "HEIF" if brands & HEIC_BRANDS else None


def without_metadata(raw: bytes, kind: Format) -> Encoded:
    """Return the file with items of the type Exif renamed, in place, to a type of no meaning."""
    content = None
    for at in _exif_types(raw):
        content = content or bytearray(raw)
        content[at : at + 4] = b"skip"
    return Encoded(content=raw if content is None else bytes(content), format=kind)


def _exif_types(raw: bytes) -> Iterator[int]:
    """Yield where the types of the Exif items stand."""
    for meta_start, meta_end in _boxes(raw, 0, len(raw), b"meta"):
        for start, end in _boxes(raw, meta_start + FULL_BOX, meta_end, b"iinf"):
            first = start + FULL_BOX + (4 if raw[start : start + 1] > b"\0" else 2)
            for entry, _ in _boxes(raw, first, end, b"infe"):
                # the number of the item (2 bytes, in version 3: 4) and its protection (2 bytes)
                at = entry + FULL_BOX + (6 if raw[entry : entry + 1] == b"\3" else 4)
                if raw[at : at + 4] == b"Exif":
                    yield at


def _boxes(raw: bytes, start: int, end: int, name: bytes) -> Iterator[tuple[int, int]]:
    """Yield start and end of the content of the boxes with a name."""
    while start + 8 <= end:
        size, found = struct.unpack_from(">I4s", raw, start)
        body = start + 8
        if size == 1 and start + 16 <= end:  # the size follows the name
            (size,) = struct.unpack_from(">Q", raw, body)
            body += 8
        stop = end if size == 0 else start + size
        if stop <= start + 7:
            return
        if found == name:
            yield body, min(stop, end)
        start = stop
