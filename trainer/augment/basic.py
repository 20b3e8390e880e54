"""Augmentation of whole batches on their own device, drawn per sample from one generator.

Here the plain ones; `trainer.resized_crop`, `trainer.randaugment` and `trainer.mixing` have the
others.

Every function takes images (batch, channels, height, width) of any dtype and a generator of the
same device, draws per sample, and returns a new tensor, channels_last: so they chain in any
order, on uint8 pixels (a quarter of the memory traffic) or on floats, and an image's change never
depends on its neighbours in the batch.
"""

import torch
from torch import Tensor

from trainer.augment.geometry import cover, covered
from trainer.augment.per_kind import change_by_kind


def flip(images: Tensor, generator: torch.Generator) -> Tensor:
    """Mirror each image left to right with probability one half.

    Args:
        images: (batch, channels, height, width).
        generator: Of the images' device; draws one number per image.
    """
    draws = torch.rand(len(images), generator=generator, device=images.device)
    pixels = images.permute(0, 2, 3, 1)
    flipped = change_by_kind((draws < 0.5).long(), (_same, _mirror), pixels)
    return flipped.permute(0, 3, 1, 2)


def shift_crop(images: Tensor, padding: int, generator: torch.Generator) -> Tensor:
    """Pad by reflection and cut a random window of the old size out of each image.

    Nothing is padded in memory: each output pixel reads the input pixel that the padding would
    have copied, so a batch costs one gather.

    Args:
        images: (batch, channels, height, width).
        padding: Largest shift in pixels, >= 0 and below height and width.
        generator: Of the images' device; draws a vertical and a horizontal shift per image.

    Raises:
        ValueError: If `padding` is negative or not below the image's sides.

    Source: Pad and crop as in He et al., ResNet (arXiv:1512.03385), section 4.2, there with
    zeros; reflection keeps the border's statistics.
    """
    count, _, height, width = images.shape
    if not 0 <= padding < min(height, width):
        raise ValueError(
            f"shift_crop.padding must be in [0, {min(height, width)}), got {padding!r}"
        )
    shifts = torch.randint(
        -padding, padding + 1, (2, count, 1), generator=generator, device=images.device
    )
    rows = _reflected(shifts[0], height)
    columns = _reflected(shifts[1], width)
    samples = torch.arange(count, device=images.device)[:, None, None]
    # NHWC: the gather moves whole pixels, and its result is channels_last once permuted back.
    pixels = images.permute(0, 2, 3, 1)[samples, rows[:, :, None], columns[:, None, :]]
    return pixels.permute(0, 3, 1, 2)


def cutout(
    images: Tensor, part: float, generator: torch.Generator, *, fill: float | None = 128
) -> Tensor:
    """Cover a square of each image.

    Its centre is any pixel, so the part beyond the image's border is cut off.

    Args:
        images: (batch, channels, height, width), uint8 or float.
        part: Side of the square / shorter side of the image, >= 0; the square's half is rounded
            down to pixels.
        generator: Of the images' device.
        fill: Level, in the images' own scale. None fills with noise, evenly from the upper half
            of the range: 128 to 255 in uint8, [0, 1) in floats normalised to [-1, 1].

    Returns:
        A new tensor, channels_last.

    Raises:
        ValueError: If `part` is negative.

    Source: DeVries & Taylor, Cutout (arXiv:1708.04552). The finetuning of the released
    EfficientNetV2 code (preprocessing.py) is `part` 1/2 with noise.
    """
    if not part >= 0:
        raise ValueError(f"cutout.part must be >= 0, got {part!r}")
    count, _, height, width = images.shape
    centres = torch.rand((count, 2), generator=generator, device=images.device)
    half = int(part * min(height, width) / 2)
    rows, columns = covered(
        centres, torch.full_like(centres, 2 * half), height=height, width=width
    )
    pixels = images.permute(0, 2, 3, 1)
    if fill is None:
        filled = _noise(pixels, generator)
    else:
        filled = torch.full((), fill, dtype=images.dtype, device=images.device)
    return cover(pixels, rows, columns, filled).permute(0, 3, 1, 2)


def _noise(pixels: Tensor, generator: torch.Generator) -> Tensor:
    """Return pixels of the same kind, even over the upper half of their range."""
    if pixels.is_floating_point():
        noise = torch.rand(pixels.shape, generator=generator, device=pixels.device)
    else:
        noise = torch.randint(128, 256, pixels.shape, generator=generator, device=pixels.device)
    return noise.to(pixels.dtype)


def _same(pixels: Tensor) -> Tensor:
    return pixels


def _mirror(pixels: Tensor) -> Tensor:
    return pixels.flip(-2)


def _reflected(shift: Tensor, side: int) -> Tensor:
    """Return the source index (batch, side) of every output index, mirrored at both ends."""
    positions = torch.arange(side, device=shift.device) + shift
    return (side - 1) - ((side - 1) - positions.abs()).abs()
