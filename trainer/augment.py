"""Augmentation of whole batches on their own device, drawn per sample from one generator.

Every function takes images (batch, channels, height, width) of any dtype and a generator of the
same device, draws per sample, and returns a new tensor in the same memory format: so they chain
in any order, on uint8 pixels (a quarter of the memory traffic) or on floats, and an image's
change never depends on its neighbours in the batch.
"""

import torch
from torch import Tensor


def flip(images: Tensor, generator: torch.Generator) -> Tensor:
    """Mirror each image left to right with probability one half.

    Args:
        images: (batch, channels, height, width).
        generator: Of the images' device; draws one number per image.
    """
    draws = torch.rand(len(images), generator=generator, device=images.device)
    return torch.where((draws < 0.5)[:, None, None, None], images.flip(-1), images)


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


def _reflected(shift: Tensor, side: int) -> Tensor:
    """Return the source index (batch, side) of every output index, mirrored at both ends."""
    positions = torch.arange(side, device=shift.device) + shift
    return (side - 1) - ((side - 1) - positions.abs()).abs()
