"""What is kept of every image while it is decoded, to judge the data set afterwards."""

import hashlib
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from trainer.data.cache.decode import Decoded
from trainer.data.sources.source import RawImage

DIGEST_BYTES = 16  # 128 bits: two of 10^9 different images are equal with a chance below 10^-20
Facts = npt.NDArray[np.void]

# 28 bytes an image, so that facts of millions of images fit in memory.
FACTS = np.dtype(
    [
        ("digest", np.uint64, 2),  # of the encoded file, or of the pixels of a rendered picture
        ("native_size", np.int32),  # short side before resizing, pixels
        ("aspect", np.float32),  # long side / short side, >= 1
        ("brightest", np.uint8),  # highest level of a channel after decoding
        ("contrast", np.uint8),  # largest difference of two pixels in a channel
        ("bits", np.uint8),  # depth from which the levels were scaled; 0 if the file states it
        ("decoded", np.bool_),  # False for a damaged image, whose other facts are 0
    ]
)


def no_facts(count: int) -> Facts:
    """Return the facts of `count` images that are not decoded."""
    return np.zeros(count, dtype=FACTS)


def facts_of(raw: RawImage, decoded: Decoded) -> tuple[Any, ...]:
    """Return a row of `FACTS` for an encoded image and its decoded form."""
    # One axis after the other: NumPy reduces both at the same time much more slowly.
    rows = decoded.pixels.reshape(len(decoded.pixels), -1)
    highest, lowest = rows.max(axis=0).reshape(-1, 3), rows.min(axis=0).reshape(-1, 3)
    highest, lowest = highest.max(axis=0), lowest.min(axis=0)
    return (
        np.frombuffer(_digest(raw), dtype=np.uint64),
        decoded.native_size,
        decoded.aspect,
        highest.max(),
        (highest - lowest).max(),
        decoded.bits or 0,
        True,
    )


def _digest(raw: RawImage) -> bytes:
    if isinstance(raw, Image.Image):
        raw = f"{raw.mode} {raw.size} ".encode() + raw.tobytes()
    return hashlib.blake2b(raw or b"", digest_size=DIGEST_BYTES).digest()
