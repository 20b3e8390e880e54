"""Colour operations that blend each image with a grey or smoothed version of itself."""

import torch
from torch import Tensor


def blend(plain: Tensor, pixels: Tensor, factors: Tensor) -> Tensor:
    """Interpolate from the plain version (factor 0) to the image (1), or extrapolate (above 1).

    Args:
        plain: Float, broadcastable with `pixels`, in [0, 255].
        pixels: The images, any shape and dtype, in [0, 255].
        factors: Float, broadcastable with `pixels`, >= 0.

    Returns:
        The same shape as `pixels`, uint8: clamped to [0, 255] and truncated.

    Source: Pillow's Image.blend; the released code's blend (autoaugment.py) is the same.
    """
    return ((pixels - plain) * factors).add_(plain).clamp_(0, 255).to(torch.uint8)


def grey(planes: Tensor) -> Tensor:
    """Return luma (images, height, width), float32, whole numbers in [0, 255].

    Args:
        planes: (3, images, height, width) red, green and blue, float32 in [0, 255].

    Source: ITU-R BT.601 with 16 fractional bits, as Pillow's convert("L"). Every sum is a whole
    number below 2**24, so float32 holds it exactly.
    """
    red, green, blue = planes.unbind()
    luma = red.mul(19595).add_(green, alpha=38470).add_(blue, alpha=7471)
    return luma.add_(32768).mul_(1 / 65536).floor_()


def color(pixels: Tensor, factors: Tensor) -> Tensor:
    """Blend with the grey version: 0 is grey, 1 is the image, above 1 more colourful.

    Args:
        pixels: (images, height, width, 3), uint8.
        factors: (images,) float32, >= 0.

    Returns:
        (images, height, width, 3), uint8.
    """
    planes = as_planes(pixels)  # separate channels are long rows: a third less time
    return blend(grey(planes), planes, factors[:, None, None]).permute(1, 2, 3, 0).contiguous()


def as_planes(pixels: Tensor) -> Tensor:
    """Return (images, height, width, channels) as (channels, images, height, width), float32."""
    return pixels.permute(3, 0, 1, 2).contiguous().float()


def sharpness(pixels: Tensor, factors: Tensor) -> Tensor:
    """Blend with the smoothed version: 0 is smooth, 1 is the image, above 1 sharper.

    The smoothing gives a pixel weight 5 and its eight neighbours weight 1. The border of the
    image does not change.

    Args:
        pixels: (images, height, width, channels), uint8.
        factors: (images,) float32, >= 0.

    Returns:
        The same shape, uint8.

    Source: Pillow's ImageFilter.SMOOTH, rounded; the released code truncates.
    """
    count, height, width, channels = pixels.shape
    if min(height, width) < 3:
        return pixels
    rows = pixels.reshape(count, height, width * channels)
    levels = rows.short()  # sums reach 13 * 255
    across = levels[:, :, : -2 * channels] + levels[:, :, 2 * channels :]
    across += levels[:, :, channels:-channels]
    total = across[:, :-2] + across[:, 1:-1] + across[:, 2:]
    total += 4 * levels[:, 1:-1, channels:-channels]
    smooth = (total.float() / 13).add_(0.5).floor_()
    sharp = rows.clone()
    inner = rows[:, 1:-1, channels:-channels]
    sharp[:, 1:-1, channels:-channels] = blend(smooth, inner, factors[:, None, None])
    return sharp.view_as(pixels)
