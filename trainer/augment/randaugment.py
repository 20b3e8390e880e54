"""RandAugment on whole batches, with other operations for each image.

Source: Cubuk et al., RandAugment (arXiv:1909.13719), with the operations and ranges of the
released EfficientNetV2 code (autoaugment.py, distort_image_with_randaugment);
`trainer.augment.magnitudes` lists the differences.
"""

import torch
from torch import Tensor

from search_space.checks import require
from trainer.augment.operations import Draws, Op, apply_ops


def randaugment(
    images: Tensor,
    magnitude: float | Tensor,
    generator: torch.Generator,
    *,
    layers: int = 2,
    magnitude_std: float = 0.5,
) -> Tensor:
    """Apply `layers` random operations to each image, one after the other.

    The draws per image and layer are one of 16 equally likely operations, a magnitude from a
    normal distribution around `magnitude`, clamped at 0, and a direction.

    Args:
        images: (batch, 3, height, width), uint8.
        magnitude: M on the paper's scale, >= 0; 5 to 25 in the paper. A scalar tensor lets a
            schedule change the value on the device; it is not read back.
        generator: Of the images' device.
        layers: Operations per image, >= 0; the paper has 2.
        magnitude_std: Standard deviation of an image's magnitude, >= 0; with 0 all images have
            the magnitude M, as in the released code.

    Returns:
        A new tensor (batch, 3, height, width), uint8, channels_last; the given one with 0 layers.

    Raises:
        ValueError: If the images are not uint8 RGB, or a number is negative.
    """
    if images.dtype != torch.uint8 or images.ndim != 4 or images.shape[1] != 3:
        got = f"{images.dtype} {tuple(images.shape)}"
        raise ValueError(f"randaugment.images must be uint8 (batch, 3, height, width), got {got}")
    require(layers >= 0, "randaugment.layers", ">= 0", layers)
    require(magnitude_std >= 0, "randaugment.magnitude_std", ">= 0", magnitude_std)
    if not isinstance(magnitude, Tensor):
        require(magnitude >= 0, "randaugment.magnitude", ">= 0", magnitude)
        magnitude = torch.full((), magnitude, device=images.device)  # a fill copies nothing
    for _ in range(layers):
        draws = draw(len(images), magnitude, generator, std=magnitude_std)
        images = apply_ops(images, draws)
    return images.contiguous(memory_format=torch.channels_last)


def draw(count: int, magnitude: Tensor, generator: torch.Generator, *, std: float) -> Draws:
    """Draw one layer for `count` images on the generator's device.

    Args:
        count: Number of images; the drawn tensors are (count,) and (count, 2).
        magnitude: Scalar tensor, M on the paper's scale, >= 0.
        generator: Source of the draws.
        std: Standard deviation of the magnitudes, >= 0.
    """
    device = generator.device
    ops = torch.randint(len(Op), (count,), generator=generator, device=device)
    signs = torch.randint(2, (count,), generator=generator, device=device).float() * 2 - 1
    centres = torch.rand((count, 2), generator=generator, device=device)
    noise = torch.randn((count,), generator=generator, device=device) * std
    magnitudes = (noise + magnitude.to(device)).float().clamp(min=0)
    return Draws(ops=ops, magnitudes=magnitudes, signs=signs, centres=centres)
