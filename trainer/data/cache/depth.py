"""One scale for the levels of a data set whose images use different depths.

A picture with 16 bits per channel may hold 10, 12, 14 or 16 bits, and its file does not say so.
`decode` scales each picture from the smallest depth that holds its levels; a dark picture of a set
with 16 bits then looks like a bright one with 12. So the depth of a set is that of its deepest
picture, and the others are brought to it.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from trainer.data.cache.decode import Decoded
from trainer.data.cache.facts import Facts
from trainer.data.cache.images import array_file


def at_depth(decoded: Decoded, bits: int | None) -> npt.NDArray[np.uint8]:
    """Return the pixels of a decoded picture at the scale of a set of images.

    Args:
        decoded: The picture.
        bits: Depth of the set, see `set_depth`; None if it has no levels of unstated depth.

    Returns:
        (size, size, 3) uint8, as the picture has in a cache of that set. A picture that is deeper
        than the set keeps its own scale.
    """
    if bits is None or decoded.bits is None or decoded.bits >= bits:
        return decoded.pixels
    return decoded.pixels >> np.uint8(bits - decoded.bits)


def set_depth(facts: Mapping[str, Facts]) -> int | None:
    """Return the depth from which the levels of a set are scaled; None if none is unstated.

    Args:
        facts: (count,) Facts of every split, as of `trainer.data.cache.facts`.
    """
    deepest = max(int(of_split["bits"].max(initial=0)) for of_split in facts.values())
    return deepest or None


def equalize_depths(folder: Path, facts: Mapping[str, Facts], image_size: int) -> list[str]:
    """Bring all images of unstated depth in the files of `folder` to one scale.

    Args:
        folder: The cache folder, with the images that are decoded, in order.
        facts: (count,) Facts of every split, as of `trainer.data.cache.facts`; the levels of
            images that change are changed there too.
        image_size: Side of the square images, pixels.

    Returns:
        What the user should know, a sentence each; nothing if all depths are equal.

    Raises:
        OSError: If a file cannot be read or written.
    """
    bits = np.concatenate([of_split["bits"] for of_split in facts.values()])
    depths, counts = np.unique(bits[bits > 0], return_counts=True)
    if len(depths) < 2:
        return []
    deepest = int(depths[-1])
    for name, of_split in facts.items():
        shifts = np.where(of_split["bits"] > 0, deepest - of_split["bits"], 0)
        _darken(folder / array_file(name, "images"), shifts[of_split["decoded"]], image_size)
        for level in ("brightest", "contrast"):
            of_split[level] >>= shifts.astype(np.uint8)
    some = ", ".join(f"{depth} bits: {n}" for depth, n in zip(depths, counts, strict=True))
    return [
        f"the levels of the images with more than 8 bits reach different depths ({some}); all are "
        f"scaled from {deepest} bits, so that equal levels look equal"
    ]


def _darken(path: Path, shifts: npt.NDArray[np.integer[Any]], image_size: int) -> None:
    """Shift the levels of image i of a file of arrays to the right by `shifts[i]` bits."""
    image_bytes = 3 * image_size**2
    header_bytes = path.stat().st_size - len(shifts) * image_bytes
    with path.open("r+b") as file:
        for i in np.flatnonzero(shifts):
            place = header_bytes + int(i) * image_bytes
            file.seek(place)
            levels = np.frombuffer(file.read(image_bytes), dtype=np.uint8)
            file.seek(place)
            file.write((levels >> np.uint8(shifts[i])).tobytes())
