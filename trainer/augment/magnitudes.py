"""From RandAugment's magnitude M to the argument of each operation.

M is on the paper's scale (Table 6: 5 to 25): the released code divides by 10 and does not clamp,
so 25 means 2.5 times the range that AutoAugment calls the largest. Every function takes
magnitudes (images,) float32, >= 0, and returns one argument per image.

Where we differ from the released code (autoaugment.py):
- Its uint8 arithmetic wraps around: from M = 10 on Solarize inverts whole images or some of
  their levels, and Posterize above 20 keeps 1 bit. Ours clamp: both end at the unchanged image.
- Its translation and cutout are in pixels whatever the image size: at 64 pixels a translation
  of 100 shows nothing but fill. Ours are in parts of the side, equal to the original's at
  300 pixels, the size at which EfficientNetV2-S ends its training.
"""

from torch import Tensor

# Pixels of the side at which our parts equal the original's pixels: 100 px of translation are
# 1/3 of 300 px (and 0.446 of 224 px); 40 px of cutout are 2/15 (and 0.179 of 224 px).
REFERENCE_SIDE = 300


def rotation_degrees(magnitudes: Tensor) -> Tensor:
    """Return 30 M / 10 degrees."""
    return 3.0 * magnitudes


def shear_factor(magnitudes: Tensor) -> Tensor:
    """Return 0.3 M / 10 pixels of shift per pixel."""
    return 0.03 * magnitudes


def translation_part(magnitudes: Tensor) -> Tensor:
    """Return the shift as part of the side: (100 / 300) M / 10."""
    return magnitudes * (10 / REFERENCE_SIDE)


def enhancement_factor(magnitudes: Tensor) -> Tensor:
    """Return 1.8 M / 10 + 0.1, for color, contrast, brightness and sharpness; 1 is identity."""
    return (1.8 * magnitudes.double() / 10 + 0.1).float()


def posterize_bits(magnitudes: Tensor) -> Tensor:
    """Return the bits kept, int(4 M / 10) within [1, 8]: a large M changes less."""
    return (4 * magnitudes / 10).int().clamp(1, 8)


def solarize_threshold(magnitudes: Tensor) -> Tensor:
    """Return int(256 M / 10), at most 256: from M = 10 on nothing is inverted."""
    return (256 * magnitudes / 10).int().clamp(max=256)


def solarize_added(magnitudes: Tensor) -> Tensor:
    """Return int(110 M / 10) levels."""
    return (110 * magnitudes / 10).int()


def cutout_part(magnitudes: Tensor) -> Tensor:
    """Return half the box's side as part of the image's shorter side: (40 / 300) M / 10."""
    return magnitudes * (4 / REFERENCE_SIDE)
