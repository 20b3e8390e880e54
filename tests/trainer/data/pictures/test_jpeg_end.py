"""A JPEG without its end decodes if every pixel is there, and is damaged if one is missing."""

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from tests.toys.images import encoded
from trainer.data.cache.decode import UndecodableError, decode

OPTIONS = {
    "baseline": {"subsampling": 2},
    "progressive": {"progressive": True},
    "restarts": {"restart_marker_blocks": 7},
    "restarts of rows": {"restart_marker_rows": 1},
    "progressive restarts": {"progressive": True, "restart_marker_rows": 1},
}


def photo(mode: str = "RGB") -> Image.Image:
    """Return a picture with smooth and detailed parts, of a side that is no multiple of 8."""
    rng = np.random.default_rng(3)
    blurred = Image.fromarray(rng.integers(0, 256, (9, 12, 3), dtype=np.uint8)).resize((125, 91))
    detail = rng.integers(-20, 21, (91, 125, 3))
    detail[:, 60:] = 0
    return Image.fromarray((np.asarray(blurred) + detail).clip(0, 255).astype(np.uint8)).convert(
        mode
    )


def pixels_or_none(content: bytes) -> npt.NDArray[np.uint8] | None:
    try:
        return decode(content, 91).pixels
    except UndecodableError:
        return None


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
@pytest.mark.parametrize("missing", [1, 2])
def test_a_jpeg_without_end_marker_is_read(
    missing: int, options: dict[str, bool | int], mode: str
) -> None:
    whole = encoded(photo(mode), "JPEG", quality=90, **options)
    np.testing.assert_array_equal(decode(whole[:-missing], 91).pixels, decode(whole, 91).pixels)


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_a_jpeg_that_lacks_pixels_is_damaged(options: dict[str, bool | int]) -> None:
    whole = encoded(photo(), "JPEG", quality=90, **options)
    expected = decode(whole, 91).pixels
    header = whole.index(b"\xff\xda")
    rng = np.random.default_rng(0)
    cuts = [*range(len(whole) - 60, len(whole) - 2), *rng.integers(header, len(whole) - 60, 60)]
    decoded = {cut: pixels_or_none(whole[:cut]) for cut in cuts}
    for pixels in decoded.values():  # no picture is half grey
        assert pixels is None or np.array_equal(pixels, expected)
    assert all(decoded[cut] is None for cut in cuts if cut < len(whole) - 20)


def test_a_jpeg_that_ends_at_a_restart_marker_is_damaged() -> None:
    whole = encoded(photo(), "JPEG", quality=90, restart_marker_rows=1)
    for number in b"\xd1\xd2\xd3":
        at = whole.rindex(b"\xff" + bytes([number]))
        assert pixels_or_none(whole[:at]) is None
        assert pixels_or_none(whole[: at + 2]) is None


def test_a_progressive_jpeg_without_its_last_scan_is_damaged() -> None:
    whole = encoded(photo(), "JPEG", quality=90, progressive=True)
    last_scan = whole.rindex(b"\xff\xda")
    tables = whole.rindex(b"\xff\xc4", 0, last_scan)  # Huffman tables of the last scan
    assert pixels_or_none(whole[:last_scan]) is None
    assert pixels_or_none(whole[:tables]) is None


def test_a_half_copied_jpeg_that_is_filled_up_with_zeros_is_damaged() -> None:
    whole = encoded(photo(), "JPEG", quality=90)
    assert pixels_or_none(whole[: len(whole) // 2] + bytes(len(whole) // 2)) is None


def test_what_follows_the_end_marker_is_ignored() -> None:
    whole = encoded(photo(), "JPEG", quality=90)
    for tail in (b"trailing text", bytes(5000), whole[:300]):
        np.testing.assert_array_equal(decode(whole + tail, 91).pixels, decode(whole, 91).pixels)


def test_a_png_without_end_chunk_is_read_if_every_pixel_is_there() -> None:
    whole = encoded(photo())
    np.testing.assert_array_equal(decode(whole[:-12], 91).pixels, decode(whole, 91).pixels)
    assert pixels_or_none(whole[: len(whole) * 3 // 4]) is None
