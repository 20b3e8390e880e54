"""Crop, mixup, cutmix and cutout in their plainest form, until trainer.augment has them.

The signatures are trainer.augment's, so that this file goes when they are there.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor


def random_resized_crop(
    images: Tensor,
    size: int,
    generator: torch.Generator,
    *,
    scale: tuple[float, float] = (0.05, 1.0),
    ratio: tuple[float, float] = (3 / 4, 4 / 3),
) -> Tensor:
    """Cut a random box out of each image and resize it bilinearly, without antialiasing."""
    areas, ratios, lefts, tops = torch.rand(
        (4, len(images)), generator=generator, device=images.device
    )
    area = scale[0] + (scale[1] - scale[0]) * areas
    low, high = math.log(ratio[0]), math.log(ratio[1])
    root = torch.exp((low + (high - low) * ratios) / 2)
    width = (area.sqrt() * root).clamp(max=1)
    height = (area.sqrt() / root).clamp(max=1)
    theta = torch.zeros(len(images), 2, 3, device=images.device)
    theta[:, 0, 0], theta[:, 1, 1] = width, height
    theta[:, 0, 2] = (1 - width) * (2 * lefts - 1)
    theta[:, 1, 2] = (1 - height) * (2 * tops - 1)
    grid = F.affine_grid(theta, [len(images), images.shape[1], size, size], align_corners=False)
    cropped = F.grid_sample(
        images.float(), grid, mode="bilinear", padding_mode="border", align_corners=False
    )
    return cropped if images.is_floating_point() else cropped.round_().to(images.dtype)


def randaugment(
    images: Tensor, magnitude: float, generator: torch.Generator, *, layers: int = 2
) -> Tensor:
    """Refuse: it is not here yet.

    Raises:
        ValueError: Always.
    """
    raise ValueError(
        f"phases.randaug_magnitude must be 0 in this version, got {magnitude!r} with "
        f"{layers} layers on {images.device} {generator.device}"
    )


def mixup(
    images: Tensor, targets: Tensor, alpha: float, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Mix each image with its mirror place in the batch; its own share is the larger one."""
    share = _beta(len(images), alpha, generator).to(images.device)
    share = torch.maximum(share, 1 - share)
    of_image, of_target = share[:, None, None, None], share[:, None]
    return (
        images.lerp(images.flip(0), 1 - of_image),
        targets.lerp(targets.flip(0), 1 - of_target),
    )


def cutmix(
    images: Tensor, targets: Tensor, alpha: float, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Paste a box of the image at the mirror place; labels are mixed by the box's true area."""
    share = _beta(len(images), alpha, generator).to(images.device)
    box = _boxes(images, (1 - share).sqrt() * images.shape[-1], generator)
    area = box.float().mean((1, 2, 3))[:, None]
    return torch.where(box, images.flip(0), images), targets.lerp(targets.flip(0), area)


def cutout(images: Tensor, size: int, generator: torch.Generator) -> Tensor:
    """Turn a box of that side grey in each image; its centre may lie anywhere."""
    sides = torch.full((len(images),), float(size), device=images.device)
    grey = torch.zeros_like(images) if images.is_floating_point() else torch.full_like(images, 128)
    return torch.where(_boxes(images, sides, generator), grey, images)


def _boxes(images: Tensor, sides: Tensor, generator: torch.Generator) -> Tensor:
    """Return (batch, 1, height, width), true inside a box around a random centre."""
    height, width = images.shape[-2:]
    draws = torch.rand((2, len(images), 1), generator=generator, device=images.device)
    half = sides[:, None] / 2
    rows = torch.arange(height, device=images.device) + 0.5
    columns = torch.arange(width, device=images.device) + 0.5
    inside_rows = (rows - draws[0] * height).abs() < half
    inside_columns = (columns - draws[1] * width).abs() < half
    return inside_rows[:, None, :, None] & inside_columns[:, None, None, :]


def _beta(count: int, alpha: float, generator: torch.Generator) -> Tensor:
    """Draw from Beta(alpha, alpha) as a ratio of gamma variates."""
    concentration = torch.full((2, count), alpha, device=generator.device, dtype=torch.float64)
    first, second = torch._standard_gamma(concentration, generator=generator)
    # Of a tiny alpha both may underflow to 0: then one image has it all.
    return torch.nan_to_num(first / (first + second), nan=1.0).float()
