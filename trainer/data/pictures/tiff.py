"""TIFF files whose directory has only the entries that decide about pixels.

Sources: TIFF 6.0 (Adobe, 1992), sections 2, 8 and 22; the supplements 1 and 2; BigTIFF.
"""

import struct

from trainer.data.pictures.directory import ORIENTATION, Directory
from trainer.data.pictures.encoded import Encoded, UndecodableError
from trainer.data.pictures.orientation import orientation

BITS_PER_SAMPLE, PHOTOMETRIC, PLANES, SAMPLE_FORMAT, XMP = 258, 262, 284, 339, 700
WHITE_IS_ZERO, BLACK_IS_ZERO, UNSIGNED, SEPARATE = 0, 1, 1, 2
# Size, samples and their order, compression with its options, strips and tiles, palette, YCbCr.
PIXEL_TAGS = frozenset(
    (
        *(256, 257, BITS_PER_SAMPLE, 259, PHOTOMETRIC, 266, 273, 277, 278, 279, PLANES, 292, 293),
        *(317, 320, 322, 323, 324, 325, 332, 334, 338, SAMPLE_FORMAT, 340, 341, 347),
        *range(512, 522),
        *(529, 530, 531, 532),
    )
)


def without_metadata(raw: bytes) -> Encoded:
    """Return a TIFF file whose directory has only the tags about pixels.

    Pillow reads levels of more than 8 bits as if zero were black. For those of unsigned numbers
    with white as zero the new directory says so, and `white_is_zero` says that they are still to
    be inverted.

    Raises:
        UndecodableError: If colours of more than 8 bits are stored one after the other, which
            Pillow reads as if they had 8.
    """
    directory = Directory.read(raw)
    if directory is None:
        return Encoded(content=raw, format="TIFF")
    bits = directory.numbers(BITS_PER_SAMPLE)
    if directory.numbers(PLANES) == (SEPARATE,) and len(bits) > 1 and max(bits) > 8:
        raise UndecodableError(
            "TIFF files with separate planes of more than 8 bits are not read; save the samples "
            "of each pixel together"
        )
    invert = (
        directory.numbers(PHOTOMETRIC) == (WHITE_IS_ZERO,)
        and len(bits) == 1
        and 8 < bits[0] <= 16
        and directory.numbers(SAMPLE_FORMAT) in ((), (UNSIGNED,))
    )
    stated = directory.numbers(ORIENTATION)
    if len(stated) == 1:
        lies = stated[0] if 1 <= stated[0] <= 8 else 1
    else:
        lies = orientation(b"", directory.content(XMP))
    return Encoded(
        content=_with_directory(directory, invert),
        format="TIFF",
        orientation=lies,
        bits=bits[0] if bits else None,
        white_is_zero=invert,
    )


def _with_directory(directory: Directory, invert: bool) -> bytes:
    """Return the file with a shorter directory in the place of the first one.

    Nothing is appended: strips that a cut file lacks would otherwise be read from there.
    """
    raw, order, big = directory.block, directory.order, directory.big
    number, width = ("Q", 8) if big else ("I", 4)
    entries = []
    for tag, kind, count, value in directory.entries:
        if tag == PHOTOMETRIC and invert:
            kind, value = 3, struct.pack(order + "H", BLACK_IS_ZERO).ljust(width, b"\0")
        if tag in PIXEL_TAGS:
            entries.append(struct.pack(f"{order}HH{number}{width}s", tag, kind, count, value))
    shorter = b"".join(
        (
            struct.pack(order + ("Q" if big else "H"), len(entries)),
            *entries,
            bytes(width),  # no next directory
        )
    )
    start = directory.offset
    return b"".join((raw[:start], shorter, raw[start + len(shorter) :]))[: len(raw)]
