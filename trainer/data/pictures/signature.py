"""Which format a file has, by its first bytes; names and suffixes do not matter.

Sources: the specifications of the formats; for what is no picture, the magic numbers that
file(1) documents.
"""

import re

from trainer.data.pictures import heif
from trainer.data.pictures.encoded import Format, UndecodableError

PICTURES: tuple[tuple[bytes, Format], ...] = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"BM", "BMP"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),
    (b"MM\0+", "TIFF"),
    (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG2000"),
    (b"\xff\x4f\xff\x51", "JPEG2000"),
)
NETPBM = re.compile(rb"P[1-6][\s#]")
OTHERS = (
    (b"%!PS", "a PostScript file"),
    (b"\xc5\xd0\xd3\xc6", "a PostScript file"),
    (b"%PDF", "a PDF file"),
    (b"8BPS", "a Photoshop file"),
    (b"SIMPLE  =", "a FITS file"),
    (b"\x89HDF", "an HDF5 file"),
    (b"GRIB", "a GRIB file"),
    (b"BUFR", "a BUFR file"),
    (b"\xd7\xcd\xc6\x9a", "a Windows metafile"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an Office or FlashPix file"),
    (b"\0\0\1\xb3", "an MPEG video"),
    (b"\0\0\1\xba", "an MPEG video"),
    (b"\x1a\x45\xdf\xa3", "a Matroska or WebM video"),
    (b"icns", "an icon file"),
    (b"\0\0\1\0", "an icon file"),
    (b"DDS ", "a DDS texture"),
    (b"\xff\x0a", "a JPEG XL file"),
    (b"\0\0\0\x0cJXL \r\n\x87\n", "a JPEG XL file"),
    (b"\0\0\0\x18ftypcrx ", "a raw file of a camera"),
    (b"PK\3\4", "a ZIP archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"Rar!", "a RAR archive"),
    (b"\x93NUMPY", "a NumPy file"),
    (b"PAR1", "a Parquet file"),
    (b"\0\5\x16\7", "an AppleDouble file of macOS"),
    (b"version https://git-lfs", "a Git LFS pointer (git lfs pull fetches the file)"),
)
START = 1024  # bytes in which text is recognized
MARKUP = (
    (re.compile(rb"\s*(<!doctype html|<html|<head)", re.I), "an HTML page"),
    (
        re.compile(rb"\s*(<\?xml[^>]*>\s*)?(<!--.*?-->\s*)*(<!doctype svg|<svg)", re.I),
        "an SVG file",
    ),
    (re.compile(rb"\s*<\?xml", re.I), "an XML file"),
    (re.compile(rb"\s*[{\[]"), "a JSON or other text file"),
)


def picture_format(raw: bytes) -> Format:
    """Return the format of a file.

    Raises:
        UndecodableError: If it has none of the formats; says what the file seems to be.
    """
    for start, name in PICTURES:
        if raw.startswith(start):
            return name
    if raw[:4] == b"RIFF" and raw[8:12] == b"WEBP":
        return "WEBP"
    if NETPBM.match(raw):
        return "PPM"
    if found := heif.brand(raw):
        return found
    raise UndecodableError(_description(raw))


def _description(raw: bytes) -> str:
    if not raw:
        return "it is empty (0 bytes)"
    if not raw.strip(b"\0"):
        return "it holds nothing but zeros, as after an interrupted copy"
    for start, name in OTHERS:
        if raw.startswith(start):
            return f"it is {name}, not a picture"
    if raw[4:8] == b"ftyp":
        return "it is a video (MP4 or QuickTime), not a picture"
    if raw[:4] == b"RIFF":
        return "it is a sound or video file (RIFF), not a picture"
    if raw[128:132] == b"DICM":
        return "it is a DICOM file; export it to PNG or TIFF"
    head = raw[:START].removeprefix(b"\xef\xbb\xbf")
    for pattern, name in MARKUP:
        if pattern.match(head):
            return f"it seems to be {name}, not a picture"
    if _is_text(head):
        return "it seems to be text, not a picture"
    return "it has none of the picture formats that are read"


def _is_text(head: bytes) -> bool:
    """Return whether the bytes are UTF-8 without control characters; the last may be cut."""
    for cut in range(4):
        try:
            text = head[: len(head) - cut].decode("utf-8")
        except UnicodeDecodeError:
            continue
        return bool(text) and not re.search(r"[\x00-\x08\x0e-\x1f\x7f]", text)
    return False
