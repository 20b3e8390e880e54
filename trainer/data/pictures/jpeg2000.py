"""JPEG 2000 files that end too early, whose missing pixels Pillow fills silently.

Sources: ISO/IEC 15444-1, annexes A (markers of a codestream) and I (boxes of a file).
"""

import struct

from trainer.data.pictures.encoded import Encoded, UndecodableError

START_OF_CODESTREAM, START_OF_TILE_PART, END = b"\xff\x4f", b"\xff\x90", b"\xff\xd9"


def checked(raw: bytes) -> Encoded:
    """Return the file if its codestream is there up to its end marker.

    Raises:
        UndecodableError: If it is not.
    """
    if not _is_complete(raw, _codestream(raw)):
        raise UndecodableError("damaged JPEG2000 file, it ends too early")
    return Encoded(content=raw, format="JPEG2000")


def _codestream(raw: bytes) -> int:
    """Return where the codestream begins; the end of the file if there is none."""
    if raw.startswith(START_OF_CODESTREAM):
        return 0
    position = 0
    while position + 16 <= len(raw):
        size, name = struct.unpack_from(">I4s", raw, position)
        header = 8
        if size == 1:  # the size follows the name
            (size,) = struct.unpack_from(">Q", raw, position + 8)
            header = 16
        if name == b"jp2c":
            return position + header
        if size < header:
            break
        position += size
    return len(raw)


def _is_complete(raw: bytes, position: int) -> bool:
    """Return whether the segments and tile parts from `position` on lead to the end marker."""
    position += len(START_OF_CODESTREAM)
    while position + 4 <= len(raw):
        marker = raw[position : position + 2]
        (length,) = struct.unpack_from(">H", raw, position + 2)
        if marker == START_OF_TILE_PART and position + 10 <= len(raw):
            (part,) = struct.unpack_from(">I", raw, position + 6)
            if part == 0:  # the last one, of any length
                return END in raw[position:]
            position += max(part, 12)
        elif marker == END or marker[:1] != b"\xff":
            break
        else:
            position += 2 + length
    return raw[position : position + 2] == END
