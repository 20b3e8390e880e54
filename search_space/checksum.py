"""Checksums of JSON objects, as their last key, so that rot on a disk is noticed.

A flipped bit in a number gives another number, and in a name another name: JSON alone does not
show it. The checksum is the CRC-32 of the bytes before it, as zlib computes it (ISO 3309), so it
does not depend on how numbers are written. It finds every change within 32 bits in a row, and
others with probability 1 - 2**-32. It protects against accidents, not against people.
"""

import re
import zlib
from typing import Any

from search_space.text_files import parse_json

_COMMENT = re.compile(r"^# crc32 ([0-9a-f]{8})\n?\Z", re.MULTILINE)
_SEAL = re.compile(rb',"crc32":"([0-9a-f]{8})"\}\s*\Z')


def sealed(text: str, place: str = "") -> str:
    """Return the text of a JSON object with its checksum as the last key ``crc32``.

    Args:
        text: At least one key; without a key ``crc32``.
        place: Where the object belongs, such as its line number; the checksum depends on it, so
            that an object in another place is noticed.
    """
    body = text.rstrip().removesuffix("}").rstrip()
    return f'{body},"crc32":"{_crc(body.encode(), place)}"}}'


def split_seal(data: bytes) -> tuple[bytes, str]:
    """Return an object's text without the checksum, and the checksum; empty if it has none."""
    match = _SEAL.search(data)
    return (data[: match.start()] + b"}", match[1].decode()) if match else (data, "")


def is_intact(data: bytes, place: str = "") -> bool:
    """Return whether the checksum of an object is right; an object without one has none."""
    match = _SEAL.search(data)
    return match is not None and _crc(data[: match.start()], place) == match[1].decode()


def parse_sealed(data: bytes) -> Any:
    """Return the JSON value in a file that may have a checksum; those of old versions have none.

    Raises:
        ValueError: If it is not JSON, or has another checksum.
    """
    text, seal = split_seal(data)
    if seal and not is_intact(data):
        raise ValueError("its checksum does not match its content")
    return parse_json(text)


def _crc(body: bytes, place: str) -> str:
    return f"{zlib.crc32(body, zlib.crc32(place.encode())):08x}"


def with_comment(text: str) -> str:
    """Return a YAML text with its checksum as a comment in the last line."""
    return f"{text}# crc32 {_crc(text.encode(), '')}\n"


def has_right_comment(text: str) -> bool | None:
    """Return whether the checksum in the last line is right; None if there is no checksum."""
    match = _COMMENT.search(text)
    return None if match is None else _crc(text[: match.start()].encode(), "") == match[1]
