"""The orientation of a picture in Exif and XMP, and the turn that makes it upright.

Sources: Exif 3.0 (CIPA DC-008), tag 0x112; XMP part 2, tiff:Orientation. Only this one value is
read. Whatever else is damaged in an Exif block does not matter.
"""

import re

from PIL import Image

from trainer.data.pictures.directory import ORIENTATION, Directory

XMP_ORIENTATION = re.compile(rb'tiff:Orientation(?:="|>)([1-8])')
# The transposition that makes a picture upright; 1 is upright.
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def orientation(exif: bytes, xmp: bytes = b"") -> int:
    """Return the orientation 1 to 8 that an Exif block states, or else an XMP packet.

    Args:
        exif: The block with or without its prefix "Exif"; empty if there is none.
        xmp: The packet; empty if there is none.
    """
    if not exif and not xmp:
        return 1
    directory = Directory.read(re.sub(rb"^(Exif\0\0){1,2}", b"", exif))
    stated = () if directory is None else directory.numbers(ORIENTATION)
    if len(stated) == 1:
        return stated[0] if 1 <= stated[0] <= 8 else 1
    found = XMP_ORIENTATION.search(xmp)
    return int(found[1]) if found else 1


def upright(image: Image.Image, orientation: int) -> Image.Image:
    """Return the picture turned from `orientation` 1 to 8 to upright."""
    return image.transpose(TURNS[orientation]) if orientation in TURNS else image
