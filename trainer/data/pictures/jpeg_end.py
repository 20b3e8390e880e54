"""JPEG files that lack their end marker: whether pixels are missing as well.

Sources: ITU-T T.81, annexes B (segments), F.2.2.5 (what follows the last byte) and G (progressive
scans). Decoders fill missing data with grey, so a file is taken only if nothing had to be filled.
"""

import hashlib
import io
import re

import numpy as np
import numpy.typing as npt
from PIL import Image

START_OF_IMAGE, END_OF_IMAGE = b"\xff\xd8", b"\xff\xd9"
START_OF_FRAME = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
START_OF_SCAN = 0xDA
MARKER = re.compile(rb"\xff+[^\x00\xd0-\xd7\xff]")  # not a stuffed byte, not a restart
RESTART = re.compile(rb"\xff[\xd0-\xd7]")
COEFFICIENTS = frozenset(range(64))
# Arbitrary data without the byte 0xFF, long enough to change pixels wherever it is read. The first
# bits are all that there are: data of one beginning may by chance complete a code that the decoder
# completes too when it fills missing bits with zeros.
LEADING_BITS = 3


def _noise(lead: int) -> bytes:
    """Return noise that begins with the bits of `lead`."""
    blocks = (hashlib.sha256(bytes([lead, i])).digest() for i in range(16))
    first, *rest = b"".join(blocks).replace(b"\xff", b"")
    shift = 8 - LEADING_BITS
    return bytes([lead << shift | first & (1 << shift) - 2, *rest])  # not 0xFF


NOISES = tuple(map(_noise, range(1 << LEADING_BITS)))


def with_end(content: bytes) -> bytes | None:
    """Return a JPEG file with the end marker that it lacks, or None if it lacks pixels too.

    The file is decoded several times, with different data in the place of what may be missing. If
    a pixel needs missing data, the pictures differ.

    Args:
        content: A file that cannot be decoded because it ends too early.
    """
    body = content.rstrip(b"\0\xff")  # an interrupted copy may be filled up with zeros
    last_scan = _last_scan(body)
    if last_scan is None:
        return None
    restarts = RESTART.findall(body, last_scan)
    first = (restarts[-1][1] + 1) % 8 if restarts else 0
    ended = body + END_OF_IMAGE
    pixels = _pixels(ended)
    for noise in NOISES:
        intervals = (b"\xff" + bytes([0xD0 + (first + i) % 8]) + noise for i in range(8))
        noisy = b"".join((body, noise, *intervals, END_OF_IMAGE))
        if not np.array_equal(pixels, _pixels(noisy)):
            return None
    return ended


def _last_scan(body: bytes) -> int | None:
    """Return where the data of the last scan begins, or None if a scan is missing.

    No scan is missing if the coefficients 0 to 63 of every component were sent to their last
    bit (T.81, G.1.1.1: Ss, Se and Al of the scan headers).
    """
    missing: dict[int, set[int]] = {}
    data_start = None
    position = len(START_OF_IMAGE)
    while found := MARKER.search(body, position):
        marker, start = body[found.end() - 1], found.end()
        if marker == END_OF_IMAGE[1] or start + 2 > len(body):
            return None  # the end marker is there, so something else is wrong
        end = start + int.from_bytes(body[start : start + 2], "big")
        if end > len(body):
            return None
        if marker in START_OF_FRAME:
            missing = {body[i]: set(COEFFICIENTS) for i in range(start + 8, end - 2, 3)}
        if marker == START_OF_SCAN:
            first, last, precision = body[end - 3 : end]
            if precision & 15 == 0:
                for i in range(start + 3, end - 4, 2):
                    missing.get(body[i], set()).difference_update(range(first, last + 1))
            data_start = end
        position = end
    return data_start if missing and not any(missing.values()) else None


def _pixels(content: bytes) -> npt.NDArray[np.uint8]:
    with Image.open(io.BytesIO(content), formats=("JPEG",)) as image:
        return np.asarray(image)
