"""The arguments of RandAugment's operations as functions of its magnitude M.

M is on the paper's scale (Table 6: 5 to 25): the released code divides by 10 and does not clamp,
so 25 means 2.5 times the largest range of AutoAugment. Every function takes magnitudes (images,),
float32, >= 0, and returns arguments (images,).

Differences from the released code (autoaugment.py):
- Its uint8 arithmetic wraps around: from M = 10 on Solarize inverts whole images or some of
  their levels, and Posterize above 20 keeps 1 bit. This code clamps: both operations end at the
  unchanged image.
- Its translation and cutout are in pixels for every image size: at 64 pixels a translation of
  100 leaves nothing of the image. Here they are parts of the side, equal to the original's at
  300 pixels, the final training size of EfficientNetV2-S.
"""

from torch import Tensor

# Side in pixels at which the parts equal the original's pixels: 100 px of translation are
# 1/3 of 300 px (and 0.446 of 224 px); 40 px of cutout are 2/15 (and 0.179 of 224 px).
REFERENCE_SIDE = 300


def rotation_degrees(magnitudes: Tensor) -> Tensor:
    """Return 30 M / 10 degrees: (images,), float32."""
    return 3.0 * magnitudes


def shear_factor(magnitudes: Tensor) -> Tensor:
    """Return the shift per pixel, 0.3 M / 10: (images,), float32."""
    return 0.03 * magnitudes


def translation_part(magnitudes: Tensor) -> Tensor:
    """Return the shift as part of the side, (100 / 300) M / 10: (images,), float32."""
    return magnitudes * (10 / REFERENCE_SIDE)


def enhancement_factor(magnitudes: Tensor) -> Tensor:
    """Return 1.8 M / 10 + 0.1: (images,), float32; a blending factor of 1 is the identity.

    It is the factor of color, contrast, brightness and sharpness.
    """
    return (1.8 * magnitudes.double() / 10 + 0.1).float()


def posterize_bits(magnitudes: Tensor) -> Tensor:
    """Return the bits to keep, int(4 M / 10) within [1, 8]: (images,), int32; 8 keeps all."""
    return (4 * magnitudes / 10).int().clamp(1, 8)


def solarize_threshold(magnitudes: Tensor) -> Tensor:
    """Return int(256 M / 10), at most 256: (images,), int32; from M = 10 on no inversion."""
    return (256 * magnitudes / 10).int().clamp(max=256)


def solarize_added(magnitudes: Tensor) -> Tensor:
    """Return the levels to add, int(110 M / 10): (images,), int32."""
    return (110 * magnitudes / 10).int()


def cutout_part(magnitudes: Tensor) -> Tensor:
    """Return half the box / the image's shorter side, (40 / 300) M / 10: (images,), float32."""
    return magnitudes * (4 / REFERENCE_SIDE)
