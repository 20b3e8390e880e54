"""Colour operations: tables of 256 levels, and blends with a grey or smoothed image.

The functions of tables return (images, 1 or channels, 256), uint8, for `look_up`. They equal
Pillow's ImageOps and ImageEnhance in every level, and so the released code, except for the mean
of `contrast_tables`.
"""

import torch
from torch import Tensor

LEVELS = 256


def look_up(pixels: Tensor, tables: Tensor) -> Tensor:
    """Replace each level by its entry in the table of its image and channel.

    The pixels are (images, height, width, channels) and the tables (images, channels, 256), both
    uint8. The result is a new tensor like the pixels.
    """
    index = _table_index(pixels)
    return tables.flatten().index_select(0, index.flatten()).view_as(pixels)


def invert_tables(count: int, device: torch.device) -> Tensor:
    """Return tables (count, 1, 256), uint8, of 255 - level."""
    return (LEVELS - 1 - _levels(device)).expand(count, 1, -1).to(torch.uint8)


def posterize_tables(bits: Tensor) -> Tensor:
    """Return tables (images, 1, 256), uint8, that keep the highest bits of every level.

    The numbers of bits are (images,) int32 in [1, 8].
    """
    step = torch.ones_like(bits) << (8 - bits)
    return (_levels(bits.device) & -step[:, None, None]).to(torch.uint8)


def solarize_tables(thresholds: Tensor) -> Tensor:
    """Return tables (images, 1, 256), uint8, that invert the levels from a threshold on.

    The thresholds are (images,) int32 in [0, 256]; 256 changes nothing.
    """
    levels = _levels(thresholds.device)
    inverted = LEVELS - 1 - levels
    return torch.where(levels < thresholds[:, None, None], levels, inverted).to(torch.uint8)


def solarize_add_tables(added: Tensor) -> Tensor:
    """Return tables (images, 1, 256), uint8, that add to the levels below 128, up to 255.

    The numbers to add are (images,) int32, >= 0.
    """
    levels = _levels(added.device)
    raised = (levels + added[:, None, None]).clamp(max=LEVELS - 1)
    return torch.where(levels < 128, raised, levels).to(torch.uint8)


def brightness_tables(factors: Tensor) -> Tensor:
    """Return tables (images, 1, 256), uint8, that blend with black.

    The factors are (images,) float32, >= 0; 0 is black, 1 the image.
    """
    levels = _levels(factors.device).float()
    return blend(torch.zeros_like(levels), levels, factors[:, None, None])


def contrast_tables(pixels: Tensor, factors: Tensor) -> Tensor:
    """Return tables (images, channels, 256), uint8, that blend with the image's mean grey.

    The mean is rounded to a level. The released code blends with (number of pixels / 256, at
    most 255) instead of the mean: with white, from 256 x 256 pixels on. This is Pillow's mean.

    The pixels are (images, height, width, 3) uint8, the factors (images,) float32, >= 0; 0 is
    grey, 1 the image.
    """
    mean = (grey(as_planes(pixels)).flatten(1).double().mean(1) + 0.5).floor().float()
    levels = _levels(pixels.device).float()
    tables = blend(mean[:, None, None], levels, factors[:, None, None])
    return tables.expand(-1, pixels.shape[-1], -1)


def autocontrast_tables(pixels: Tensor) -> Tensor:
    """Return tables that map each channel's darkest and brightest level to 0 and 255.

    A channel with a single level does not change. The tables, (images, channels, 256) uint8 for
    pixels (images, height, width, channels) uint8, are computed in float64 and truncated, as in
    Pillow.
    """
    low = pixels.amin(1).amin(1).double()[..., None]
    high = pixels.amax(1).amax(1).double()[..., None]
    levels = _levels(pixels.device).double()
    top = torch.full_like(low, LEVELS - 1)  # number / tensor rounds twice
    scale = top / (high - low).clamp(min=1)
    stretched = (levels * scale - low * scale).clamp(0, LEVELS - 1)
    return torch.where(high > low, stretched, levels).to(torch.uint8)


def equalize_tables(pixels: Tensor) -> Tensor:
    """Return tables that equalize each channel's histogram, (images, channels, 256), uint8.

    The pixels are (images, height, width, channels), uint8. A channel with a single level does
    not change, nor one with fewer than 255 pixels below its brightest level, which is less than
    one pixel per step.

    Source: Pillow's ImageOps.equalize; the released code's equalize is the same.
    """
    count, _, _, channels = pixels.shape
    histogram = _histogram(_table_index(pixels).flatten(), count * channels * LEVELS)
    histogram = histogram.view(count, channels, LEVELS)
    below = histogram.cumsum(-1) - histogram
    brightest = pixels.amax(1).amax(1).long()[..., None]
    step = below.gather(-1, brightest) // (LEVELS - 1)
    whole = step.clamp(min=1)
    spread = ((below + whole // 2) // whole).clamp(max=LEVELS - 1)
    return torch.where(step > 0, spread, _levels(pixels.device)).to(torch.uint8)


def _levels(device: torch.device) -> Tensor:
    return torch.arange(LEVELS, dtype=torch.int32, device=device)


def _table_index(pixels: Tensor) -> Tensor:
    """Return each level's index in the flattened tables: (images, height, width * channels).

    The starts of the tables are laid out along a row, so that the addition runs over long rows.
    The indices are int32, because they are most of the memory traffic.
    """
    count, height, width, channels = pixels.shape
    starts = torch.arange(count * channels, dtype=torch.int32, device=pixels.device) * LEVELS
    starts = starts.view(count, 1, channels).repeat(1, 1, width)
    return pixels.reshape(count, height, width * channels).int().add_(starts)


def _histogram(index: Tensor, bins: int) -> Tensor:
    """Count each index; on a GPU without bincount, which makes the host wait."""
    if index.device.type == "cpu":
        return torch.bincount(index, minlength=bins)
    counts = torch.zeros(bins, dtype=torch.int64, device=index.device)
    return counts.scatter_add_(0, index.long(), torch.ones_like(index, dtype=torch.int64))


def blend(plain: Tensor, pixels: Tensor, factors: Tensor) -> Tensor:
    """Interpolate from the plain version (factor 0) to the image (1), or extrapolate (above 1).

    The pixels have any shape and dtype; `plain` and the factors, >= 0, are floats that can be
    broadcast with them. Pixels and `plain` are in [0, 255]. The result has the shape of the
    pixels and is uint8: clamped to [0, 255] and truncated.

    Source: Pillow's Image.blend; the released code's blend (autoaugment.py) is the same.
    """
    return ((pixels - plain) * factors).add_(plain).clamp_(0, 255).to(torch.uint8)


def grey(planes: Tensor) -> Tensor:
    """Return luma (images, height, width), float32, whole numbers in [0, 255].

    The planes are (3, images, height, width) red, green and blue, float32 in [0, 255].

    Source: ITU-R BT.601 with 16 fractional bits, as Pillow's convert("L"). Every sum is a whole
    number below 2**24, so float32 holds it exactly.
    """
    red, green, blue = planes.unbind()
    luma = red.mul(19595).add_(green, alpha=38470).add_(blue, alpha=7471)
    return luma.add_(32768).mul_(1 / 65536).floor_()


def color(pixels: Tensor, factors: Tensor) -> Tensor:
    """Blend with the grey version: 0 is grey, 1 is the image, above 1 more colourful.

    Pixels and result are (images, height, width, 3) uint8, the factors (images,) float32, >= 0.
    """
    planes = as_planes(pixels)  # separate channels are long rows: a third less time
    return blend(grey(planes), planes, factors[:, None, None]).permute(1, 2, 3, 0).contiguous()


def as_planes(pixels: Tensor) -> Tensor:
    """Return (images, height, width, channels) as (channels, images, height, width), float32."""
    return pixels.permute(3, 0, 1, 2).contiguous().float()


def sharpness(pixels: Tensor, factors: Tensor) -> Tensor:
    """Blend with the smoothed version: 0 is smooth, 1 is the image, above 1 sharper.

    The smoothing gives a pixel weight 5 and its eight neighbours weight 1. The border of the
    image does not change. Pixels and result are (images, height, width, channels) uint8, the
    factors (images,) float32, >= 0.

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
