"""A file that ends too early is damaged, or all of its pixels are there; never other pixels."""

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from trainer.data.cache.decode import UndecodableError, decode, decoding_warnings

SIDE = 16
STEP = 13  # bytes between two cuts; prime, so that cuts meet all kinds of boundaries


def picture() -> Image.Image:
    """Return random pixels, which no decoder can guess."""
    pixels = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def encoded(kind: str, options: dict[str, Any]) -> bytes:
    stream = io.BytesIO()
    picture().save(stream, kind, **options)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("TIFF", {}),
        ("TIFF", {"big_tiff": True}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("TIFF", {"tiffinfo": {270: "a description" * 20}}),
        ("PNG", {}),
        ("JPEG", {}),
        ("JPEG", {"progressive": True}),
        ("JPEG", {"restart_marker_rows": 1}),
        ("WEBP", {"lossless": True}),
        ("WEBP", {"icc_profile": bytes(300)}),
        ("GIF", {}),
        ("BMP", {}),
        ("PPM", {}),
        ("JPEG2000", {}),
        ("JPEG2000", {"no_jp2": True}),
        ("JPEG2000", {"tile_size": (8, 8)}),
        ("AVIF", {}),
    ],
)
def test_a_cut_file_is_damaged_or_has_all_of_its_pixels(
    kind: str, options: dict[str, Any]
) -> None:
    whole = encoded(kind, options)
    refused = 0
    with decoding_warnings():
        expected = decode(whole, SIDE).pixels
        for length in range(1, len(whole), STEP):
            try:
                pixels = decode(whole[:length], SIDE).pixels
            except UndecodableError:
                refused += 1
            else:
                np.testing.assert_array_equal(pixels, expected, f"{length} of {len(whole)} bytes")
    assert refused > 3


def test_a_jpeg_without_a_few_bytes_is_never_guessed() -> None:
    """Zeros in the place of missing bits often complete a code, and so does one kind of noise."""
    whole = encoded("JPEG", {})
    with decoding_warnings():
        expected = decode(whole, SIDE).pixels
        for length in range(len(whole) - 60, len(whole) - 2):
            try:
                pixels = decode(whole[:length], SIDE).pixels
            except UndecodableError:
                continue
            np.testing.assert_array_equal(pixels, expected, f"{length} of {len(whole)} bytes")


def test_a_jpeg2000_file_without_its_last_tile_is_damaged() -> None:
    whole = encoded("JPEG2000", {"no_jp2": True, "tile_size": (8, 8)})
    last_tile = whole.rindex(b"\xff\x90\0\x0a")  # start of a tile part, of ten bytes
    with decoding_warnings(), pytest.raises(UndecodableError, match="ends too early"):
        decode(whole[:last_tile], SIDE)


def test_pixels_that_a_tiff_file_lacks_are_not_read_from_elsewhere() -> None:
    whole = encoded("TIFF", {})  # Pillow writes the pixels last
    with decoding_warnings(), pytest.raises(UndecodableError, match="truncated"):
        decode(whole[:-20], SIDE)


def test_libtiff_prints_nothing_for_damaged_files(capfd: pytest.CaptureFixture[str]) -> None:
    whole = encoded("TIFF", {"compression": "jpeg"})
    jpeg = whole.rindex(b"\xff\xd8")
    damaged = whole[: jpeg + 2] + bytes(40) + whole[jpeg + 42 :]
    with decoding_warnings(), pytest.raises(UndecodableError):
        decode(damaged, SIDE)
    assert capfd.readouterr().err == ""
    with pytest.raises(UndecodableError):  # the reason to be silent, and the silence ends
        decode(damaged, SIDE)
    assert capfd.readouterr().err != ""
