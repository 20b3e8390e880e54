"""RandAugment's operations with Pillow, image by image, as an independent reference."""

import math

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageOps

GREY = (128, 128, 128)


def affine(image: Image.Image, matrix: tuple[float, ...]) -> Image.Image:
    return image.transform(
        image.size, Image.Transform.AFFINE, matrix, Image.Resampling.NEAREST, fillcolor=GREY
    )


def pillow_op(
    image: Image.Image, op: str, magnitude: float, *, sign: int, centre: tuple[float, float]
) -> Image.Image:
    """Return the image after an operation with the ranges of `trainer.augment.operations`.

    Args:
        image: RGB.
        op: The operation's name in lower case.
        magnitude: On the paper's scale.
        sign: Of geometric operations.
        centre: Row and column of cutout's centre, parts of the sides.
    """
    level = magnitude / 10
    width, height = image.size
    factor = 1.8 * level + 0.1
    match op:
        case "autocontrast":
            return ImageOps.autocontrast(image)
        case "equalize":
            return ImageOps.equalize(image)
        case "invert":
            return ImageOps.invert(image)
        case "posterize":
            return ImageOps.posterize(image, min(8, max(1, int(4 * level))))
        case "solarize":
            return ImageOps.solarize(image, min(256, int(256 * level)))
        case "solarize_add":
            table = [min(255, x + int(110 * level)) if x < 128 else x for x in range(256)]
            return image.point(table * 3)
        case "brightness":
            return ImageEnhance.Brightness(image).enhance(factor)
        case "contrast":
            return ImageEnhance.Contrast(image).enhance(factor)
        case "color":
            return ImageEnhance.Color(image).enhance(factor)
        case "sharpness":
            return ImageEnhance.Sharpness(image).enhance(factor)
        case "rotate":
            return image.rotate(sign * 30 * level, Image.Resampling.NEAREST, fillcolor=GREY)
        case "shear_x":
            return affine(image, (1, sign * 0.3 * level, 0, 0, 1, 0))
        case "shear_y":
            return affine(image, (1, 0, 0, sign * 0.3 * level, 1, 0))
        case "translate_x":
            return affine(image, (1, 0, sign * level * width / 3, 0, 1, 0))
        case "translate_y":
            return affine(image, (1, 0, 0, 0, 1, sign * level * height / 3))
        case "cutout":
            return cut_out(image, int(level * min(width, height) * 40 / 300), centre=centre)
    raise ValueError(f"pillow_op.op must be one of the 16, got {op!r}")


def cut_out(image: Image.Image, half: int, *, centre: tuple[float, float]) -> Image.Image:
    """Return the image with a grey square of side 2 * half around a pixel."""
    width, height = image.size
    row, column = math.floor(centre[0] * height), math.floor(centre[1] * width)
    copy = image.copy()
    if half:
        corners = (column - half, row - half, column + half - 1, row + half - 1)
        ImageDraw.Draw(copy).rectangle(corners, fill=GREY)  # corners included
    return copy


def to_pillow(image: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> Image.Image:
    """Make an image of (channels, height, width)."""
    return Image.fromarray(np.ascontiguousarray(image.transpose(1, 2, 0)))


def from_pillow(image: Image.Image) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Return (channels, height, width)."""
    return np.asarray(image).transpose(2, 0, 1)
