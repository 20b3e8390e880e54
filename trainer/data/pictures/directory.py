"""The directory of a TIFF file or of an Exif block, which is a small TIFF file.

Formats: TIFF 6.0 (Adobe, 1992), sections 2 and 8; BigTIFF with its 8-byte offsets.
"""

import struct
from dataclasses import dataclass
from typing import NamedTuple, Self

ORIENTATION = 0x112
WHOLE_NUMBERS = {1: "B", 3: "H", 4: "I", 16: "Q"}  # TIFF types BYTE, SHORT, LONG, LONG8


class Entry(NamedTuple):
    """An entry of a directory: `length` values of a type, or their offset if they do not fit."""

    tag: int
    kind: int
    length: int
    value: bytes


@dataclass(frozen=True, slots=True)
class Directory:
    """The first directory of a block. Values are read one at a time, so others may be damaged.

    Attributes:
        block: The file, or the Exif block without its prefix.
        order: Byte order for `struct`.
        big: Whether it is a BigTIFF.
        offset: Where the directory begins in the block.
        entries: The entries that are complete.
    """

    block: bytes
    order: str
    big: bool
    offset: int
    entries: tuple[Entry, ...]

    @classmethod
    def read(cls, block: bytes) -> Self | None:
        """Return the directory that the header points to, or None if it points to nothing."""
        orders = {b"II": "<", b"MM": ">"}
        if block[:2] not in orders:
            return None
        order, big = orders[block[:2]], 43 in block[2:4]
        entry = struct.Struct(order + ("HHQ8s" if big else "HHI4s"))
        offset = _number(block, order + ("8xQ" if big else "4xI"), 0)
        count = None if offset is None else _number(block, order + ("Q" if big else "H"), offset)
        if offset is None or count is None:
            return None
        start = offset + (8 if big else 2)
        present = max(0, min(count, (len(block) - start) // entry.size))
        table = block[start : start + present * entry.size]
        return cls(block, order, big, offset, tuple(map(Entry._make, entry.iter_unpack(table))))

    def numbers(self, tag: int) -> tuple[int, ...]:
        """Return the whole numbers of a tag; none if it is missing or cannot be read."""
        for entry in self.entries:
            if entry.tag == tag and entry.kind in WHOLE_NUMBERS:
                code = WHOLE_NUMBERS[entry.kind]
                size = entry.length * struct.calcsize("<" + code)
                value = entry.value
                if size > len(value):
                    offset = int.from_bytes(value, "little" if self.order == "<" else "big")
                    value = self.block[offset : offset + size]
                if 0 < size <= len(value):
                    return struct.unpack(f"{self.order}{entry.length}{code}", value[:size])
        return ()

    def content(self, tag: int) -> bytes:
        """Return the bytes of a tag of type BYTE, ASCII or UNDEFINED; none if it is missing."""
        for entry in self.entries:
            if entry.tag == tag and entry.kind in (1, 2, 7):
                if entry.length <= len(entry.value):
                    return entry.value[: entry.length]
                offset = int.from_bytes(entry.value, "little" if self.order == "<" else "big")
                return self.block[offset : offset + entry.length]
        return b""


def _number(block: bytes, layout: str, offset: int) -> int | None:
    """Return the number at an offset, or None if the block ends before it."""
    if offset + struct.calcsize(layout) > len(block):
        return None
    number: int
    (number,) = struct.unpack_from(layout, block, offset)
    return number
