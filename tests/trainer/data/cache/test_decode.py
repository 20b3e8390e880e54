import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from tests.toys.images import encoded, picture
from trainer.data.cache.decode import UndecodableError, decode, decoding_warnings

Pixels = npt.NDArray[np.uint8]


def flat(mode: str, colour: int | tuple[int, ...], size: int = 16) -> Image.Image:
    return Image.new(mode, (size, size), colour)


def colour_of(pixels: Pixels) -> tuple[int, ...]:
    """Return the one colour of a flat image."""
    colours = np.unique(pixels.reshape(-1, 3), axis=0)
    assert len(colours) == 1
    return tuple(int(level) for level in colours[0])


def test_an_image_of_the_target_size_is_unchanged() -> None:
    image = picture(size=(16, 16))
    pixels, native_size, *_ = decode(encoded(image), 16)
    np.testing.assert_array_equal(pixels, np.asarray(image))
    assert native_size == 16


@pytest.mark.parametrize(
    ("image", "colour"),
    [
        (flat("L", 77), (77, 77, 77)),
        (flat("1", 1), (255, 255, 255)),
        (flat("I;16", 0x4D80), (0x4D, 0x4D, 0x4D)),
        (flat("LA", (100, 255)), (100, 100, 100)),
        (flat("LA", (100, 0)), (255, 255, 255)),
        (flat("RGBA", (10, 20, 30, 255)), (10, 20, 30)),
        (flat("RGBA", (10, 20, 30, 0)), (255, 255, 255)),
        (flat("RGB", (9, 8, 7)).quantize(4), (9, 8, 7)),
    ],
    ids=["grey", "bilevel", "16-bit", "LA", "clear LA", "RGBA", "clear RGBA", "palette"],
)
def test_every_kind_of_png_becomes_rgb(image: Image.Image, colour: tuple[int, ...]) -> None:
    assert colour_of(decode(encoded(image), 16)[0]) == colour


def test_half_transparent_black_gets_a_white_background() -> None:
    pixels, *_ = decode(encoded(flat("RGBA", (0, 0, 0, 128))), 16)
    assert colour_of(pixels) == (127, 127, 127)


def test_a_palette_with_transparency_gets_a_white_background() -> None:
    content = encoded(flat("P", 0), "GIF", transparency=0)
    assert colour_of(decode(content, 16)[0]) == (255, 255, 255)


def test_a_cmyk_jpeg_becomes_rgb() -> None:
    cyan = encoded(flat("CMYK", (255, 0, 0, 0)), "JPEG", quality=95)
    red, green, blue = colour_of(decode(cyan, 16)[0])
    assert red < 10
    assert min(green, blue) > 245


def test_a_grey_jpeg_becomes_rgb() -> None:
    assert colour_of(decode(encoded(flat("L", 128), "JPEG"), 16)[0]) == (128, 128, 128)


def test_the_centre_of_the_longer_side_is_kept() -> None:
    stripes = Image.new("RGB", (48, 16))
    stripes.paste((255, 0, 0), (0, 0, 16, 16))
    stripes.paste((0, 255, 0), (16, 0, 32, 16))
    stripes.paste((0, 0, 255), (32, 0, 48, 16))
    pixels, native_size, *_ = decode(encoded(stripes), 16)
    assert colour_of(pixels) == (0, 255, 0)
    assert native_size == 16


def test_shrinking_is_antialiased() -> None:
    board = np.indices((64, 64)).sum(axis=0) % 2 * 255  # single-pixel checkerboard
    image = Image.fromarray(board.astype(np.uint8)).convert("RGB")
    pixels, native_size, *_ = decode(encoded(image), 8)
    assert native_size == 64
    assert np.abs(pixels.astype(int) - 127).max() <= 4


def test_small_images_are_enlarged() -> None:
    pixels, native_size, *_ = decode(encoded(flat("RGB", (1, 2, 3), size=5)), 12)
    assert pixels.shape == (12, 12, 3)
    assert native_size == 5


def test_a_large_jpeg_is_about_the_same_as_its_lossless_version() -> None:
    ramp = np.linspace(0, 255, 256).astype(np.uint8)
    image = Image.fromarray(np.stack([np.tile(ramp, (256, 1))] * 3, axis=2))
    fast, native_size, *_ = decode(encoded(image, "JPEG", quality=95), 32)
    exact, *_ = decode(encoded(image), 32)
    assert native_size == 256  # before the fractional decoding
    assert np.abs(fast.astype(int) - exact).mean() < 2


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "BMP"])
def test_a_truncated_image_is_rejected(kind: str) -> None:
    content = encoded(picture(size=(64, 64)), kind)
    with pytest.raises(UndecodableError):
        decode(content[: len(content) // 2], 16)


def test_a_missing_image_is_rejected() -> None:
    with pytest.raises(UndecodableError, match="there is no image"):
        decode(None, 16)


def test_float_pixels_have_no_known_range() -> None:
    content = encoded(Image.fromarray(np.full((16, 16), 0.5, np.float32)), "TIFF")
    with pytest.raises(UndecodableError, match="no known range"):
        decode(content, 16)


def test_a_decompression_bomb_is_rejected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)  # 89 million pixels would take long
    with decoding_warnings(), pytest.raises(UndecodableError, match="more than 1,000 pixels"):
        decode(encoded(picture(size=(40, 40))), 16)
