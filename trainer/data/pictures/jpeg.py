"""JPEG files without the segments that do not decide about pixels.

Source: ITU-T T.81, annex B (markers and segments).
"""

from trainer.data.pictures.encoded import Encoded
from trainer.data.pictures.orientation import orientation

START_OF_SCAN, END_OF_IMAGE = 0xDA, 0xD9
# JFIF, and Adobe's segment, which says how the colours are coded. The other application segments
# (0xE1 to 0xEF) and comments (0xFE) are metadata: Exif, profiles, thumbnails, further pictures.
KEPT_APPLICATION = (0xE0, 0xEE)
ALONE = frozenset((0x01, *range(0xD0, 0xD8)))  # markers without a segment
EXIF, XMP = b"Exif\0\0", b"http://ns.adobe.com/xap/1.0/\0"


def without_metadata(raw: bytes) -> Encoded:
    """Return a JPEG file without its metadata.

    If the segments cannot be followed up to the first scan, Pillow gets the file unchanged.
    """
    exif, xmp = b"", b""
    kept = [raw[:2]]
    position = 2
    while True:
        header = raw[position : position + 4]
        if len(header) < 4 or header[0] != 0xFF or header[1] == END_OF_IMAGE:
            return Encoded(content=raw, format="JPEG", orientation=orientation(exif, xmp))
        marker = header[1]
        if marker == 0xFF:  # any number of these may come before a marker
            position += 1
            continue
        if marker == START_OF_SCAN:
            kept.append(raw[position:])
            break
        end = position + 2
        if marker not in ALONE:
            end += header[2] << 8 | header[3]
        if marker == 0xE1:
            segment = raw[position + 4 : end]
            if segment.startswith(EXIF):  # a block of more than 64 kB takes several segments
                exif += segment[len(EXIF) :] if exif else segment
            elif segment.startswith(XMP):
                xmp = segment[len(XMP) :]
        if marker in KEPT_APPLICATION or not (0xE0 <= marker <= 0xEF or marker == 0xFE):
            kept.append(raw[position:end])
        position = end
    content = b"".join(kept)
    return Encoded(content=content, format="JPEG", orientation=orientation(exif, xmp))
