"""Pictures of every orientation, shape and fit decode to what a viewer shows."""

import io

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from tests.toys.images import encoded
from tests.toys.picture_files import corners, exif, jpeg_segment, png_chunk
from trainer.data.cache.decode import Fit, decode

Pixels = npt.NDArray[np.uint8]
Box = tuple[float, float, float, float]
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf tiff:Orientation="%d"/></x:xmpmeta>'


def stored(upright: Pixels, orientation: int) -> Pixels:
    """Return how a camera stores an upright picture (Exif 3.0, table of tag 0x112).

    The orientation names the sides of the upright picture on which the stored row 0 and the
    stored column 0 lie: 1 top and left, 2 top and right, 3 bottom and right, 4 bottom and left,
    5 left and top, 6 right and top, 7 right and bottom, 8 left and bottom.
    """
    across = upright.transpose(1, 0, 2)
    return {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: across,
        6: across[::-1],
        7: across[::-1, ::-1],
        8: across[:, ::-1],
    }[orientation]


def with_orientation(kind: str, pixels: Pixels, orientation: int) -> bytes:
    """Return a file of the pixels as given, which states the orientation."""
    image = Image.fromarray(np.ascontiguousarray(pixels))
    if kind == "JPEG":
        plain = encoded(image, "JPEG", quality=100, subsampling=0)
        return plain[:2] + jpeg_segment(0xE1, b"Exif\0\0" + exif(orientation)) + plain[2:]
    if kind == "PNG":
        plain = encoded(image)
        return plain[:33] + png_chunk(b"eXIf", exif(orientation, ">")) + plain[33:]
    if kind == "PNG text":
        lines = f"\nexif\n{len(exif(orientation)):8}\n{exif(orientation).hex()}\n".encode()
        plain = encoded(image)
        return plain[:33] + png_chunk(b"tEXt", b"Raw profile type exif\0" + lines) + plain[33:]
    if kind == "PNG XMP":
        plain = encoded(image)
        text = b"XML:com.adobe.xmp\0\0\0\0\0" + XMP % orientation
        return plain[:33] + png_chunk(b"iTXt", text) + plain[33:]
    if kind == "JPEG XMP":
        plain = encoded(image, "JPEG", quality=100, subsampling=0)
        name = b"http://ns.adobe.com/xap/1.0/\0"
        return plain[:2] + jpeg_segment(0xE1, name + XMP % orientation) + plain[2:]
    if kind == "TIFF":
        return encoded(image, "TIFF", tiffinfo={0x112: orientation})
    options = {"lossless": True} if kind == "WEBP" else {"quality": 100, "subsampling": "4:4:4"}
    return encoded(image, kind, exif=b"Exif\0\0" + exif(orientation), **options)


KINDS = ["JPEG", "JPEG XMP", "PNG", "PNG text", "PNG XMP", "TIFF", "WEBP", "AVIF"]


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", KINDS)
def test_every_orientation_of_every_format_is_turned_upright(kind: str, orientation: int) -> None:
    upright = corners()
    content = with_orientation(kind, stored(upright, orientation), orientation)
    pixels, native_size, aspect, _ = decode(content, 24, fit="squash")
    expected = np.asarray(Image.fromarray(upright).resize((24, 24), Image.Resampling.BICUBIC))
    assert np.abs(pixels.astype(int) - expected).mean() < 3  # of lossy formats; turned wrongly: 60
    assert (native_size, aspect) == (24, 40 / 24)


@pytest.mark.parametrize("fit", ["crop", "pad", "squash"])
@pytest.mark.parametrize("orientation", range(2, 9))
def test_lying_pictures_are_equal_to_upright_ones(fit: Fit, orientation: int) -> None:
    upright = np.random.default_rng(0).integers(0, 256, (23, 41, 3), dtype=np.uint8)
    lying = decode(with_orientation("PNG", stored(upright, orientation), orientation), 16, fit=fit)
    standing = decode(encoded(Image.fromarray(upright)), 16, fit=fit)
    assert np.abs(lying.pixels.astype(int) - standing.pixels).max() <= 1  # rounding of the filter


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", [1, 3, 4])
def test_the_orientation_may_be_a_number_of_any_width(order: str, kind: int) -> None:
    plain = encoded(Image.fromarray(corners()))
    content = plain[:33] + png_chunk(b"eXIf", exif(6, order, kind)) + plain[33:]
    expected = corners()[::-1].transpose(1, 0, 2)  # a quarter turn clockwise
    np.testing.assert_array_equal(
        decode(content, 24, fit="squash").pixels,
        decode(encoded(Image.fromarray(np.ascontiguousarray(expected))), 24, fit="squash").pixels,
    )


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_an_orientation_that_does_not_exist_is_no_turn(orientation: int) -> None:
    content = with_orientation("PNG", corners(24, 24), orientation)
    np.testing.assert_array_equal(decode(content, 24).pixels, corners(24, 24))


def whole(content: bytes, size: tuple[int, int], box: Box | None = None) -> Pixels:
    """Return the picture resized from all of its pixels, without the reduction in the DCT."""
    with Image.open(io.BytesIO(content)) as image:
        rgb = image.convert("RGB")
        return np.asarray(rgb.resize(size, Image.Resampling.BICUBIC, box=box))


@pytest.mark.parametrize("orientation", [1, 6])
@pytest.mark.parametrize("size", [32, 64, 100])
@pytest.mark.parametrize("shape", [(633, 633), (517, 401), (401, 799)])
def test_a_reduced_jpeg_lies_where_the_whole_picture_lies(
    shape: tuple[int, int], size: int, orientation: int
) -> None:
    height, width = shape
    waves = np.sin(np.linspace(0, 26, height))[:, None] * np.cos(np.linspace(0, 26, width))
    grey = (127 + 127 * waves).astype(np.uint8)
    plain = encoded(Image.fromarray(np.dstack([grey] * 3)), "JPEG", quality=95)
    content = plain[:2] + jpeg_segment(0xE1, b"Exif\0\0" + exif(orientation)) + plain[2:]
    short = min(height, width)
    left, top = (width - short) / 2, (height - short) / 2
    long_side = max(height, width)
    small = (round(width / long_side * size), round(height / long_side * size))
    expected = {
        "crop": whole(plain, (size, size), (left, top, left + short, top + short)),
        "squash": whole(plain, (size, size)),
        "pad": whole(plain, small),
    }
    for fit, picture in expected.items():
        pixels = decode(content, size, fit=fit).pixels  # type: ignore[arg-type]
        turned = picture[::-1].transpose(1, 0, 2) if orientation == 6 else picture
        rows, columns = turned.shape[:2]
        top_border, left_border = (size - rows) // 2, (size - columns) // 2
        inner = pixels[top_border : top_border + rows, left_border : left_border + columns]
        assert np.abs(inner.astype(int) - turned).mean() < 1.6


def test_pad_keeps_the_whole_picture_between_black_borders() -> None:
    content = encoded(Image.new("RGB", (40, 20), (200, 100, 50)))
    pixels = decode(content, 20, fit="pad").pixels
    assert (pixels[5:15] == (200, 100, 50)).all()
    assert pixels[:5].max() == pixels[15:].max() == 0


@pytest.mark.parametrize("fit", ["crop", "pad", "squash"])
def test_a_picture_of_one_row_decodes(fit: Fit) -> None:
    decoded = decode(encoded(Image.new("RGB", (500, 1), (9, 9, 9))), 8, fit=fit)
    assert decoded.pixels.max() == 9
    assert (decoded.native_size, decoded.aspect) == (1, 500)
