"""Damaged or large metadata changes no pixel of any format."""

import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from tests.toys.images import encoded, picture
from tests.toys.picture_files import (
    PNG_SIGNATURE,
    exif,
    jpeg_segment,
    png_chunk,
    tiff,
)
from trainer.data.cache.decode import UndecodableError, decode

SIZE = 16
MEGABYTES = bytes(3 * 2**20)


def full_exif() -> bytes:
    """Return a block with the orientation 6 and tags of a camera, without its prefix."""
    block = Image.Exif()
    block[0x112], block[0x10F], block[0x11A] = 6, "maker", 72.0
    inner = block.get_ifd(0x8769)
    inner[0x9003], inner[0x829A], inner[0x927C] = "2020:01:01 00:00:00", 0.01, b"MAKER" * 40
    place = block.get_ifd(0x8825)
    place[1], place[2] = "N", (1.0, 2.0, 3.0)
    return block.tobytes()[6:]


def png_with(*chunks: bytes, at_end: bool = False) -> bytes:
    plain = encoded(picture(size=(SIZE, SIZE)))
    at = len(plain) - 12 if at_end else 33
    return plain[:at] + b"".join(chunks) + plain[at:]


def jpeg_with(*segments: bytes) -> bytes:
    plain = encoded(picture(size=(SIZE, SIZE)), "JPEG", quality=95)
    return plain[:2] + b"".join(segments) + plain[2:]


BIG_TEXTS = {
    "iCCP": png_chunk(b"iCCP", b"x\0\0" + zlib.compress(MEGABYTES)),
    "zTXt": png_chunk(b"zTXt", b"x\0\0" + zlib.compress(MEGABYTES)),
    "iTXt": png_chunk(b"iTXt", b"k\0\1\0\0\0" + zlib.compress(MEGABYTES)),
    "tEXt": png_chunk(b"tEXt", b"k\0" + MEGABYTES),
    "XMP": png_chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(MEGABYTES)),
    "Exif text": png_chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(MEGABYTES)),
}
DAMAGED_CHUNKS = {
    "wrong checksum": png_chunk(b"tEXt", b"k\0text")[:-4] + b"abcd",
    "unknown compression": png_chunk(b"zTXt", b"k\0\7text"),
    "short sRGB": png_chunk(b"sRGB", b""),
    "short gAMA": png_chunk(b"gAMA", b"\0"),
    "short cHRM": png_chunk(b"cHRM", b"\0"),
    "short pHYs": png_chunk(b"pHYs", b"\0"),
    "profile": png_chunk(b"iCCP", b"no end of the name"),
    "no text": png_chunk(b"tEXt", b""),
    "Exif": png_chunk(b"eXIf", b"II*\0\xff\xff\xff\xff"),
    "Exif text": png_chunk(b"tEXt", b"Raw profile type exif\0\nexif\n 9\nzz"),
    "animation": png_chunk(b"acTL", b"\0\0") + png_chunk(b"fcTL", b"\0"),
    "private": png_chunk(b"prVt", b"x")[:-2] + b"ab",
}


@pytest.mark.parametrize("at_end", [False, True])
@pytest.mark.parametrize("chunk", [*BIG_TEXTS.values()], ids=BIG_TEXTS)
def test_a_png_may_have_megabytes_of_texts_and_profiles(chunk: bytes, at_end: bool) -> None:
    np.testing.assert_array_equal(
        decode(png_with(chunk, at_end=at_end), SIZE).pixels, decode(png_with(), SIZE).pixels
    )


@pytest.mark.parametrize("at_end", [False, True])
@pytest.mark.parametrize("chunk", [*DAMAGED_CHUNKS.values()], ids=DAMAGED_CHUNKS)
def test_a_png_may_have_damaged_chunks_that_are_not_about_pixels(
    chunk: bytes, at_end: bool
) -> None:
    np.testing.assert_array_equal(
        decode(png_with(chunk, at_end=at_end), SIZE).pixels, decode(png_with(), SIZE).pixels
    )


@pytest.mark.parametrize("name", [b"IHDR", b"IDAT", b"PLTE"])
def test_a_png_with_a_damaged_chunk_about_pixels_is_damaged(name: bytes) -> None:
    content = bytearray(encoded(picture(size=(SIZE, SIZE)).quantize(8)))
    content[content.index(name) + 6] ^= 0xFF
    with pytest.raises(UndecodableError):
        decode(bytes(content), SIZE)


SEGMENTS = {
    "large profile": jpeg_segment(0xE2, b"ICC_PROFILE\0\1\1" + bytes(60_000)) * 40,
    "profile of unknown parts": jpeg_segment(0xE2, b"ICC_PROFILE\0"),
    "pictures": jpeg_segment(0xE2, b"MPF\0II*\0\x08\0\0\0\1\0\1\xb0\4\0\1\0\0\0\2\0\0\0"),
    "no pictures": jpeg_segment(0xE2, b"MPF\0garbage"),
    "Photoshop": jpeg_segment(0xED, b"Photoshop 3.0\x008BIM\3\xed\xff"),
    "XMP": jpeg_segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0<x tiff:Orientation=\xff>"),
    "Exif of 0 bytes": jpeg_segment(0xE1, b"Exif\0\0"),
    "Exif without directory": jpeg_segment(0xE1, b"Exif\0\0II*\0\xff\xff\xff\xff"),
    "comment": jpeg_segment(0xFE, b"\xff" * 1000),
    "fill bytes": b"\xff" * 9 + jpeg_segment(0xEF, b"x"),
}


@pytest.mark.parametrize("segment", [*SEGMENTS.values()], ids=SEGMENTS)
def test_a_jpeg_may_have_damaged_segments_that_are_not_about_pixels(segment: bytes) -> None:
    np.testing.assert_array_equal(
        decode(jpeg_with(segment), SIZE).pixels, decode(jpeg_with(), SIZE).pixels
    )


def test_damage_of_other_tags_does_not_change_the_orientation() -> None:
    block = full_exif()
    turned = decode(jpeg_with(jpeg_segment(0xE1, b"Exif\0\0" + exif(6))), SIZE).pixels
    entry = block.index(struct.pack(">HHIH", 0x112, 3, 1, 6))
    spared = {*range(10), *range(entry, entry + 12)}  # the header, the number of entries, the tag
    rng = np.random.default_rng(1)
    places = [place for place in range(len(block)) if place not in spared]
    for _ in range(300):
        damaged = bytearray(block)
        for place in rng.choice(places, 5):
            damaged[place] = rng.integers(256)
        content = jpeg_with(jpeg_segment(0xE1, b"Exif\0\0" + bytes(damaged)))
        np.testing.assert_array_equal(decode(content, SIZE).pixels, turned)


@pytest.mark.parametrize("length", [0, 1, 4, 8, 9, 15, 21])
def test_a_cut_exif_block_is_no_orientation(length: int) -> None:
    block = exif(6)[:length]
    np.testing.assert_array_equal(
        decode(png_with(png_chunk(b"eXIf", block)), SIZE).pixels, decode(png_with(), SIZE).pixels
    )


@pytest.mark.parametrize("kind", ["WEBP", "AVIF"])
def test_a_damaged_exif_block_of_webp_and_avif_is_ignored(kind: str) -> None:
    image = picture(size=(SIZE, SIZE))
    plain = decode(encoded(image, kind), SIZE).pixels
    block = Image.Exif()
    block[0x10F] = "maker"
    content = encoded(image, kind, exif=block.tobytes())
    at = content.index(b"MM\0*")
    for damage in (b"XX*\0\0\0\0\x08", b"MM\0*\xff\xff\xff\xff"):
        broken = content[:at] + damage + content[at + 8 :]
        np.testing.assert_array_equal(decode(broken, SIZE).pixels, plain)


def test_a_webp_may_end_within_its_metadata() -> None:
    image = picture(size=(SIZE, SIZE))
    content = encoded(image, "WEBP", lossless=True, exif=b"Exif\0\0" + exif(6))
    whole, cut = decode(content, SIZE).pixels, decode(content[:-3], SIZE).pixels
    np.testing.assert_array_equal(whole, cut)
    np.testing.assert_array_equal(whole, np.asarray(image)[::-1].transpose(1, 0, 2))


def test_a_tiff_may_have_damaged_tags_that_are_not_about_pixels() -> None:
    pixels = np.asarray(picture(size=(SIZE, SIZE)))
    far = struct.pack("<I", 2**31)
    extra = [
        (270, 2, 1000, far),  # a description beyond the end of the file
        (282, 5, 1, far),  # a resolution beyond it
        (305, 99, 1, far),  # a value of an unknown type
        (34665, 4, 1, far),  # a directory of camera settings beyond it
        (34853, 4, 1, struct.pack("<I", 8)),  # a directory of places within the pixels
        (34675, 7, 2**30, far),  # a profile of 1 GB
        (700, 1, 2**30, far),
    ]
    content = tiff(pixels, bits=[8, 8, 8], photometric=2, extra=extra)
    np.testing.assert_array_equal(decode(content, SIZE).pixels, pixels)


def test_a_tiff_may_lead_in_circles_after_its_first_picture() -> None:
    pixels = np.asarray(picture(size=(SIZE, SIZE)))
    content = tiff(pixels, bits=[8, 8, 8], photometric=2)
    looped = content[:-4] + content[4:8]  # the next directory is the first
    np.testing.assert_array_equal(decode(looped, SIZE).pixels, pixels)


def test_an_animated_png_shows_its_first_frame() -> None:
    first, second = picture(1, (SIZE, SIZE)), picture(2, (SIZE, SIZE))
    content = encoded(first, save_all=True, append_images=[second])
    assert content.startswith(PNG_SIGNATURE)
    assert b"acTL" in content
    np.testing.assert_array_equal(decode(content, SIZE).pixels, np.asarray(first))
