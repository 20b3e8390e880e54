"""WebP files without profile, Exif block and XMP packet.

Source: WebP container specification (RIFF, RFC 9649).
"""

import struct

from trainer.data.pictures.encoded import Encoded
from trainer.data.pictures.orientation import orientation

HEADER = 12  # "RIFF", the size of what follows, "WEBP"
METADATA = (b"ICCP", b"EXIF", b"XMP ")
METADATA_FLAGS = 0x20 | 0x08 | 0x04  # in the first byte of the chunk VP8X, in the same order


def without_metadata(raw: bytes) -> Encoded:
    """Return a WebP file without its metadata, which only extended files have."""
    if raw[HEADER : HEADER + 4] != b"VP8X":
        return Encoded(content=raw, format="WEBP")
    metadata: dict[bytes, bytes] = {}
    kept = []
    position = HEADER
    end_of_file = min(len(raw), 8 + int.from_bytes(raw[4:8], "little"))
    while position + 8 <= end_of_file:
        name, size = struct.unpack_from("<4sI", raw, position)
        end = position + 8 + size + size % 2
        if name in METADATA:
            metadata.setdefault(name, raw[position + 8 : position + 8 + size])
        elif name == b"VP8X":
            flags = raw[position + 8] & ~METADATA_FLAGS if position + 8 < len(raw) else 0
            kept += [raw[position : position + 8], bytes([flags]), raw[position + 9 : end]]
        else:
            kept.append(raw[position:end])
        position = end
    body = b"WEBP" + b"".join(kept)
    return Encoded(
        content=b"RIFF" + struct.pack("<I", len(body)) + body,
        format="WEBP",
        orientation=orientation(metadata.get(b"EXIF", b""), metadata.get(b"XMP ", b"")),
    )
