"""RandAugment on whole batches, with different operations for each image.

Source: Cubuk et al., RandAugment (arXiv:1909.13719), with the operations and ranges of the
released EfficientNetV2 code (autoaugment.py, distort_image_with_randaugment);
`trainer.augment.operations` lists the differences.
"""

import torch
from torch import Tensor

from search_space.checks import require
from trainer.augment.operations import Draws, Op, apply_ops


def randaugment(
    images: Tensor,
    magnitude: float,
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
        magnitude: M on the paper's scale, >= 0; 5 to 25 in the paper.
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
    require(magnitude >= 0, "randaugment.magnitude", ">= 0", magnitude)
    for _ in range(layers):
        images = apply_ops(images, draw(len(images), magnitude, generator, std=magnitude_std))
    return images.contiguous(memory_format=torch.channels_last)


def draw(count: int, magnitude: float, generator: torch.Generator, *, std: float) -> Draws:
    """Draw one layer for `count` images on the generator's device.

    `magnitude` and `std` are `randaugment`'s magnitude and magnitude_std; the drawn tensors are
    (count,) and (count, 2).
    """
    device = generator.device
    ops = torch.randint(len(Op), (count,), generator=generator, device=device)
    signs = torch.randint(2, (count,), generator=generator, device=device).float() * 2 - 1
    centres = torch.rand((count, 2), generator=generator, device=device)
    noise = torch.randn((count,), generator=generator, device=device) * std
    return Draws(
        ops=ops, magnitudes=(noise + magnitude).clamp(min=0), signs=signs, centres=centres
    )
