"""Levels of 1 to 32 bits, transparent colours and other kinds of colour become 8-bit RGB."""

import struct
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from tests.toys.images import encoded
from tests.toys.picture_files import png, png_chunk, tiff
from trainer.data.cache.decode import Decoded, UndecodableError, decode

SIZE = 16
GREY, RGB = 0, 2


def grey_levels(decoded: Decoded) -> list[int]:
    """Return the levels of the middle row of a grey picture."""
    row = decoded.pixels[SIZE // 2]
    assert (row == row[:, :1]).all()
    return [int(level) for level in row[:, 0]]


def columns(values: npt.ArrayLike, kind: Any) -> npt.NDArray[Any]:
    """Return (SIZE, SIZE) values in which column i has `values[i]`."""
    return np.tile(np.asarray(values, dtype=kind), (SIZE, 1))


def packed(values: list[int], bits: int) -> bytes:
    """Return samples of less than 8 bits as PNG and TIFF pack them, the first one highest."""
    text = "".join(f"{value:0{bits}b}" for value in values)
    return int(text, 2).to_bytes(len(text) // 8, "big")


FOURTHS = [0, 1, 2, 3] * 4  # samples of 2 bits are 0, 1/3, 2/3 and 1 of white
SIXTEENTHS = [*range(16)]  # samples of 4 bits: 255 / 15 = 17 each


@pytest.mark.parametrize(
    ("bits", "samples", "clear", "expected"),
    [
        (1, [0, 1] * 8, 0, [255, 255] * 8),
        (1, [0, 1] * 8, 1, [0, 255] * 8),
        (2, FOURTHS, 1, [0, 255, 170, 255] * 4),
        (2, FOURTHS, 2, [0, 85, 255, 255] * 4),
        (4, SIXTEENTHS, 3, [17 * i if i != 3 else 255 for i in range(16)]),
        (4, SIXTEENTHS, 0, [255, *(17 * i for i in range(1, 16))]),
    ],
)
def test_a_transparent_grey_of_few_bits_gets_a_white_background(
    bits: int, samples: list[int], clear: int, expected: list[int]
) -> None:
    extra = png_chunk(b"tRNS", struct.pack(">H", clear))
    content = png((SIZE, SIZE), bits, GREY, [packed(samples, bits)] * SIZE, extra)
    assert grey_levels(decode(content, SIZE)) == expected


def test_only_the_lowest_bits_of_a_transparent_colour_count() -> None:
    extra = png_chunk(b"tRNS", struct.pack(">H", 0xABC0 | 1))  # 1 in 2 bits
    content = png((SIZE, SIZE), 2, GREY, [packed(FOURTHS, 2)] * SIZE, extra)
    assert grey_levels(decode(content, SIZE)) == [0, 255, 170, 255] * 4


def test_a_transparent_grey_of_16_bits_is_compared_with_all_of_them() -> None:
    samples = [0x1200, 0x1234, 0x3400, 0x34FF] * 4
    extra = png_chunk(b"tRNS", struct.pack(">H", 0x1234))
    content = png((SIZE, SIZE), 16, GREY, [struct.pack(">16H", *samples)] * SIZE, extra)
    assert grey_levels(decode(content, SIZE)) == [0x12, 255, 0x34, 0x34] * 4


def test_a_transparent_rgb_colour_of_8_bits_gets_a_white_background() -> None:
    extra = png_chunk(b"tRNS", struct.pack(">3H", 10, 20, 30))
    content = png((SIZE, SIZE), 8, RGB, [bytes([10, 20, 30, 10, 20, 31] * 8)] * SIZE, extra)
    pixels = decode(content, SIZE).pixels
    assert (pixels[:, ::2] == 255).all()
    assert (pixels[:, 1::2] == (10, 20, 31)).all()


def test_a_transparent_rgb_colour_of_16_bits_is_compared_with_all_of_them() -> None:
    pair = struct.pack(">6H", 0x1234, 0x5678, 0x9ABC, 0x1234, 0x5678, 0x9ABD)
    extra = png_chunk(b"tRNS", struct.pack(">3H", 0x1234, 0x5678, 0x9ABC))
    pixels = decode(png((SIZE, SIZE), 16, RGB, [pair * 8] * SIZE, extra), SIZE).pixels
    assert (pixels[:, ::2] == 255).all()
    assert (pixels[:, 1::2] == (0x12, 0x56, 0x9A)).all()


@pytest.mark.parametrize("data", [b"", b"\0", b"\0\1"])
def test_an_unreadable_transparent_colour_is_damage(data: bytes) -> None:
    chunk = png_chunk(b"tRNS", data)
    if len(data) == 2:
        chunk = chunk[:-1] + bytes([chunk[-1] ^ 1])
    content = png((SIZE, SIZE), 8, GREY, [bytes(SIZE)] * SIZE, chunk)
    with pytest.raises(UndecodableError, match="transparent colour"):
        decode(content, SIZE)


@pytest.mark.parametrize(
    ("highest", "bits"),
    [
        *((255, 8), (256, 10), (1023, 10), (1024, 12), (4095, 12)),
        *((4096, 14), (16383, 14), (16384, 16), (65535, 16)),
    ],
)
@pytest.mark.parametrize("kind", ["PNG", "TIFF", "32-bit TIFF", "RGB PNG"])
def test_levels_are_scaled_from_the_smallest_depth_that_holds_them(
    kind: str, highest: int, bits: int
) -> None:
    values = columns([0, *[highest // 2] * (SIZE - 2), highest], np.uint16)
    if kind == "RGB PNG":
        rows = [np.repeat(row, 3).astype(">u2").tobytes() for row in values]
        content = png((SIZE, SIZE), 16, RGB, rows)
    elif kind == "32-bit TIFF":
        content = encoded(Image.fromarray(values.astype(np.int32)), "TIFF")
    else:
        content = encoded(Image.fromarray(values), kind)
    decoded = decode(content, SIZE)
    levels = grey_levels(decoded)
    assert decoded.bits == bits
    assert (levels[0], levels[8], levels[-1]) == (
        0,
        highest // 2 // 2 ** (bits - 8),
        highest // 2 ** (bits - 8),
    )


@pytest.mark.parametrize("deflate", [False, True])
@pytest.mark.parametrize("order", ["<", ">"])
def test_the_colours_of_an_rgb_tiff_of_16_bits_keep_their_proportions(
    order: str, deflate: bool
) -> None:
    values = np.zeros((SIZE, SIZE, 3), order + "u2")
    values[...] = (4095, 2048, 512)
    content = tiff(values, bits=[16] * 3, photometric=2, order=order, deflate=deflate)
    decoded = decode(content, SIZE)
    assert (decoded.pixels == (255, 128, 32)).all()
    assert decoded.bits == 12


@pytest.mark.parametrize("deflate", [False, True])
@pytest.mark.parametrize("order", ["<", ">"])
def test_white_may_be_zero_in_16_bits(order: str, deflate: bool) -> None:
    values = columns([0, 0x3FFF, 0x8000, 0xFFFF] * 4, order + "u2")
    content = tiff(values, bits=[16], photometric=0, order=order, deflate=deflate)
    decoded = decode(content, SIZE)
    assert grey_levels(decoded) == [0xFF, 0xC0, 0x7F, 0] * 4
    assert decoded.bits is None


def test_separate_planes_of_16_bits_are_refused() -> None:
    values = np.zeros((SIZE, SIZE, 3), "<u2")
    separate = (284, 3, 1, struct.pack("<HH", 2, 0))
    with pytest.raises(UndecodableError, match="separate planes"):
        decode(tiff(values, bits=[16] * 3, photometric=2, extra=[separate]), SIZE)


def test_a_pixel_beyond_its_palette_is_damage() -> None:
    palette = png_chunk(b"PLTE", bytes(6)) + png_chunk(b"tRNS", bytes(300))
    with pytest.raises(UndecodableError):
        decode(png((SIZE, SIZE), 8, 3, [bytes([200]) * SIZE] * SIZE, palette), SIZE)


def test_a_file_with_transparency_states_its_scale() -> None:
    rows = [struct.pack(">4H", 4000, 4000, 4000, 0xFFFF) * SIZE] * SIZE
    decoded = decode(png((SIZE, SIZE), 16, 6, rows), SIZE)
    assert decoded.pixels.max() == decoded.pixels.min() == 4000 // 256
    assert decoded.bits is None


def test_usual_pictures_state_their_scale() -> None:
    assert decode(encoded(Image.new("RGB", (SIZE, SIZE))), SIZE).bits is None
    assert decode(encoded(Image.new("L", (SIZE, SIZE))), SIZE).bits is None


def test_white_may_be_zero_in_8_bits_and_less() -> None:
    eight = tiff(columns([0, 100, 155, 255] * 4, np.uint8), bits=[8], photometric=0)
    assert grey_levels(decode(eight, SIZE)) == [255, 155, 100, 0] * 4
    rows = np.frombuffer(packed(FOURTHS, 2) * SIZE, np.uint8).reshape(SIZE, 4)
    two = bytearray(tiff(rows, bits=[2], photometric=0))
    width = two.index(struct.pack("<HHIH", 256, 3, 1, 4))
    two[width + 8] = SIZE  # four samples per byte
    assert grey_levels(decode(bytes(two), SIZE)) == [255, 170, 85, 0] * 4


@pytest.mark.parametrize("photometric", [0, 1])
def test_12_bits_are_read_from_a_tiff_that_states_them(photometric: int) -> None:
    samples = [0, 0x800, 0xFF0, 0x010] * 4
    rows = np.frombuffer(packed(samples, 12) * SIZE, np.uint8).reshape(SIZE, 24)
    content = bytearray(tiff(rows, bits=[12], photometric=photometric))
    width = content.index(struct.pack("<HHIH", 256, 3, 1, 24))
    content[width + 8] = SIZE
    expected = [0, 0x80, 0xFF, 0x01] if photometric else [0xFF, 0x7F, 0x00, 0xFE]
    decoded = decode(bytes(content), SIZE)
    assert grey_levels(decoded) == expected * 4
    assert decoded.bits is None


def test_signed_levels_must_not_be_negative() -> None:
    values = columns(np.linspace(0, 32767, SIZE), "<i2")
    signed = (339, 3, 1, struct.pack("<HH", 2, 0))
    levels = grey_levels(decode(tiff(values, bits=[16], extra=[signed]), SIZE))
    assert (levels[0], levels[-1]) == (0, 127)
    with pytest.raises(UndecodableError, match=r"must lie in 0\.\.65535, got -1\.\.32766"):
        decode(tiff(values - 1, bits=[16], extra=[signed]), SIZE)


@pytest.mark.parametrize("level", [65536, 2**31 - 1, -1])
def test_levels_beyond_16_bits_have_no_known_range(level: int) -> None:
    content = encoded(Image.fromarray(columns([level] * SIZE, np.int32)), "TIFF")
    with pytest.raises(UndecodableError, match=rf"must lie in 0\.\.65535, got {level}\.\.{level}"):
        decode(content, SIZE)


def test_premultiplied_grey_of_a_tiff_is_read() -> None:
    values = np.zeros((SIZE, SIZE, 2), np.uint8)
    values[...] = (50, 128)  # half of the level 100
    content = tiff(values, bits=[8, 8], extra=[(338, 3, 1, struct.pack("<HH", 1, 0))])
    assert abs(grey_levels(decode(content, SIZE))[0] - (50 + 127)) <= 2


def test_a_palette_with_an_alpha_value_for_each_colour_gets_a_white_background() -> None:
    image = Image.new("P", (SIZE, SIZE))
    image.putpalette([0, 0, 0, 10, 20, 30, 50, 60, 70])
    image.putdata([0, 1, 2, 2] * (SIZE * SIZE // 4))
    pixels = decode(encoded(image, transparency=bytes([0, 255, 128])), SIZE).pixels
    assert (pixels[:, 0] == 255).all()
    assert (pixels[:, 1] == (10, 20, 30)).all()
    assert np.abs(pixels[:, 2].astype(int) - (152, 157, 162)).max() <= 1  # halfway to white


def test_a_cmyk_tiff_becomes_rgb() -> None:
    image = Image.new("CMYK", (SIZE, SIZE), (255, 0, 0, 0))
    assert (decode(encoded(image, "TIFF"), SIZE).pixels == (0, 255, 255)).all()


def test_lab_colours_need_a_profile() -> None:
    image = Image.new("LAB", (SIZE, SIZE))
    with pytest.raises(UndecodableError, match="LAB colours need a profile"):
        decode(encoded(image, "TIFF"), SIZE)
