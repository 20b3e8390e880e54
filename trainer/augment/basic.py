"""Flip, shifted crop and cutout of whole batches, drawn per image on the batch's device.

Every function takes images (batch, channels, height, width), uint8 or float, and a generator of
the same device, and returns a new tensor of the same dtype, channels_last. The functions can be
applied in any order, on uint8 pixels (a quarter of the memory traffic) or on floats. The result
for an image does not depend on the other images of the batch.
"""

import torch
from torch import Tensor

from search_space.checks import require
from trainer.augment.geometry import cover, covered
from trainer.augment.per_kind import apply_per_kind


def flip(images: Tensor, generator: torch.Generator) -> Tensor:
    """Mirror images (batch, channels, height, width) left to right with probability one half."""
    draws = torch.rand(len(images), generator=generator, device=images.device)
    ops = (lambda pixels: pixels, lambda pixels: pixels.flip(-2))
    flipped = apply_per_kind((draws < 0.5).long(), ops, images.permute(0, 2, 3, 1))
    return flipped.permute(0, 3, 1, 2)


def shift_crop(images: Tensor, padding: int, generator: torch.Generator) -> Tensor:
    """Pad by reflection and crop each image at a random place to its original size.

    The padding is not stored: each output pixel reads the input pixel that the padding would
    have copied, so a batch costs one gather. The images are (batch, channels, height, width),
    uint8 or float; `padding` is the largest vertical and horizontal shift in pixels, >= 0 and
    below height and width.

    Raises:
        ValueError: If `padding` is negative or not below the image's sides.

    Source: Pad and crop as in He et al., ResNet (arXiv:1512.03385), section 4.2, there with
    zeros; reflection keeps the border's statistics.
    """
    count, _, height, width = images.shape
    side = min(height, width)
    require(0 <= padding < side, "shift_crop.padding", f"in [0, {side})", padding)
    device = images.device
    shifts = torch.randint(
        -padding, padding + 1, (2, count, 1), generator=generator, device=device
    )
    rows, columns = _reflected(shifts[0], height), _reflected(shifts[1], width)
    samples = torch.arange(count, device=device)[:, None, None]
    # NHWC: the gather moves whole pixels, and its result is channels_last once permuted back.
    pixels = images.permute(0, 2, 3, 1)[samples, rows[:, :, None], columns[:, None, :]]
    return pixels.permute(0, 3, 1, 2)


def cutout(
    images: Tensor, part: float, generator: torch.Generator, *, fill: float | None = 128
) -> Tensor:
    """Cover a square of each image.

    The centre of the square is any pixel; the square is clipped at the image's border.

    Args:
        images: (batch, channels, height, width), uint8 or float.
        part: Side of the square / shorter side of the image, >= 0; half the side is rounded
            down to pixels.
        generator: Of the images' device.
        fill: Value of the covered pixels, on the scale of the images. None fills with noise,
            uniform in the upper half of the range: 128 to 255 in uint8, [0, 1) in floats
            normalised to [-1, 1].

    Raises:
        ValueError: If `part` is negative.

    Source: DeVries & Taylor, Cutout (arXiv:1708.04552). The released EfficientNetV2 code
    (preprocessing.py) finetunes with `part` 1/2 and noise.
    """
    require(part >= 0, "cutout.part", ">= 0", part)
    count, _, height, width = images.shape
    centres = torch.rand((count, 2), generator=generator, device=images.device)
    half = int(part * min(height, width) / 2)
    sides = torch.full_like(centres, 2 * half)
    rows, columns = covered(centres, sides, height=height, width=width)
    pixels = images.permute(0, 2, 3, 1)
    filled = _noise(pixels, generator) if fill is None else pixels.new_full((), fill)
    return cover(pixels, rows, columns, filled).permute(0, 3, 1, 2)


def _noise(pixels: Tensor, generator: torch.Generator) -> Tensor:
    """Return noise like `pixels`, uniform over the upper half of their range."""
    if pixels.is_floating_point():
        noise = torch.rand(pixels.shape, generator=generator, device=pixels.device)
    else:
        noise = torch.randint(128, 256, pixels.shape, generator=generator, device=pixels.device)
    return noise.to(pixels.dtype)


def _reflected(shift: Tensor, side: int) -> Tensor:
    """Return the source index (batch, side) of every output index, reflected at both ends."""
    positions = torch.arange(side, device=shift.device) + shift
    return (side - 1) - ((side - 1) - positions.abs()).abs()
