"""RandAugment on whole batches: each image draws its own operations.

Source: Cubuk et al., RandAugment (arXiv:1909.13719), with the operations and ranges of the
released EfficientNetV2 code (autoaugment.py, distort_image_with_randaugment); what differs is
said in `trainer.magnitudes`.
"""

import torch
from torch import Tensor

from trainer.augment.operations import Draws, Op, apply_ops


def randaugment(
    images: Tensor,
    magnitude: float | Tensor,
    generator: torch.Generator,
    *,
    layers: int = 2,
    magnitude_std: float = 0.5,
) -> Tensor:
    """Change each image by `layers` operations, one after the other, each always applied.

    Per image and layer: one of 16 operations, all as likely; a magnitude, normal around
    `magnitude`, never below 0; a direction.

    Args:
        images: (batch, 3, height, width), uint8.
        magnitude: M on the paper's scale, >= 0; 5 to 25 there. A tensor of no dimensions lets
            a schedule change it on the device: it is never read back.
        generator: Of the images' device.
        layers: Operations per image, >= 0; the paper has 2.
        magnitude_std: Standard deviation of an image's magnitude; 0 gives all images M itself,
            as the released code does.

    Returns:
        (batch, 3, height, width), uint8, channels_last.

    Raises:
        ValueError: If the images are not RGB in uint8, or a number is negative.
    """
    if images.dtype != torch.uint8 or images.ndim != 4 or images.shape[1] != 3:
        got = f"{images.dtype} {tuple(images.shape)}"
        raise ValueError(f"randaugment.images must be uint8 (batch, 3, height, width), got {got}")
    for name, value in (("layers", layers), ("magnitude_std", magnitude_std)):
        if value < 0:
            raise ValueError(f"randaugment.{name} must be >= 0, got {value!r}")
    if not isinstance(magnitude, Tensor):
        if not magnitude >= 0:
            raise ValueError(f"randaugment.magnitude must be >= 0, got {magnitude!r}")
        magnitude = torch.full((), magnitude, device=images.device)  # a fill: nothing is copied
    for _ in range(layers):
        draws = draw(len(images), magnitude, generator, std=magnitude_std)
        images = apply_ops(images, draws)
    return images.contiguous(memory_format=torch.channels_last)


def draw(count: int, magnitude: Tensor, generator: torch.Generator, *, std: float) -> Draws:
    """Draw one layer for `count` images, on the generator's device."""
    device = generator.device
    ops = torch.randint(len(Op), (count,), generator=generator, device=device)
    signs = torch.randint(2, (count,), generator=generator, device=device).float() * 2 - 1
    centres = torch.rand((count, 2), generator=generator, device=device)
    noise = torch.randn((count,), generator=generator, device=device) * std
    magnitudes = (noise + magnitude.to(device)).float().clamp(min=0)
    return Draws(ops=ops, magnitudes=magnitudes, signs=signs, centres=centres)
