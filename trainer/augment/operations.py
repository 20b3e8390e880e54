"""RandAugment's operations, applied to a batch with one drawn operation per image.

M is on the paper's scale (Table 6: 5 to 25): the released code divides by 10 and does not clamp,
so 25 means 2.5 times the largest range of AutoAugment. The functions of magnitudes take
(images,), float32, >= 0, and return the operations' arguments (images,).

Differences from the released code (autoaugment.py):
- Its uint8 arithmetic wraps around: from M = 10 on Solarize inverts whole images or some of
  their levels, and Posterize above 20 keeps 1 bit. This code clamps: both operations end at the
  unchanged image.
- Its translation and cutout are in pixels for every image size: at 64 pixels a translation of
  100 leaves nothing of the image. Here they are parts of the side, equal to the original's at
  300 pixels, the final training size of EfficientNetV2-S.
"""

from dataclasses import dataclass
from enum import IntEnum

import torch
from torch import Tensor

from trainer.augment import color_ops
from trainer.augment.geometry import affine_matrices, cover, covered, warp
from trainer.augment.per_kind import apply_per_kind

# Side in pixels at which the parts equal the original's pixels: 100 px of translation are
# 1/3 of 300 px (and 0.446 of 224 px); 40 px of cutout are 2/15 (and 0.179 of 224 px).
REFERENCE_SIDE = 300
FILL = 128  # grey, for pixels from outside the image and for cutout


class Op(IntEnum):
    """The 16 operations, ordered so that similar ones are neighbours.

    The operations up to EQUALIZE are tables of levels (from CONTRAST on they depend on the
    image), those from ROTATE to TRANSLATE_Y are warps.
    """

    INVERT = 0
    POSTERIZE = 1
    SOLARIZE = 2
    SOLARIZE_ADD = 3
    BRIGHTNESS = 4
    CONTRAST = 5
    AUTOCONTRAST = 6
    EQUALIZE = 7
    COLOR = 8
    SHARPNESS = 9
    ROTATE = 10
    SHEAR_X = 11
    SHEAR_Y = 12
    TRANSLATE_X = 13
    TRANSLATE_Y = 14
    CUTOUT = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class Draws:
    """The random draws of one layer for each image of a batch.

    Attributes:
        ops: (batch,) int64, values of `Op`.
        magnitudes: (batch,) float32, >= 0, on the paper's scale.
        signs: (batch,) float32, -1 or 1: the direction of rotation, shear and translation.
        centres: (batch, 2) float32 in [0, 1): row and column of cutout's centre.
    """

    ops: Tensor
    magnitudes: Tensor
    signs: Tensor
    centres: Tensor


def apply_ops(images: Tensor, draws: Draws) -> Tensor:
    """Apply to each image the operation that was drawn for it, with draws on the images' device.

    Images and result are (batch, 3, height, width), uint8; the result is new and channels_last.
    """
    pixels = images.permute(0, 2, 3, 1).contiguous()  # no copy if the images are channels_last
    starts = (Op.COLOR, Op.SHARPNESS, Op.ROTATE, Op.CUTOUT)
    ops = (
        _apply_tables,
        lambda pixels, _, magnitudes, *__: color_ops.color(pixels, enhancement_factor(magnitudes)),
        lambda pixels, _, magnitudes, *__: color_ops.sharpness(
            pixels, enhancement_factor(magnitudes)
        ),
        _warp,
        _cutout,
    )
    inputs = (pixels, draws.ops, draws.magnitudes, draws.signs, draws.centres)
    return apply_per_kind(_group_index(draws.ops, starts), ops, *inputs).permute(0, 3, 1, 2)


def _group_index(ops: Tensor, starts: tuple[Op, ...]) -> Tensor:
    """Return the index (batch,) of each operation's group; groups begin at `starts`."""
    return torch.stack([ops >= start for start in starts]).sum(0)


def _apply_tables(pixels: Tensor, ops: Tensor, magnitudes: Tensor, *_: Tensor) -> Tensor:
    """Replace every level by its entry in a table per image and channel."""
    starts = (Op.CONTRAST, Op.AUTOCONTRAST, Op.EQUALIZE)
    table_ops = (
        _fixed_tables,
        lambda pixels, _, magnitudes: color_ops.contrast_tables(
            pixels, enhancement_factor(magnitudes)
        ),
        lambda pixels, *_: color_ops.autocontrast_tables(pixels),
        lambda pixels, *_: color_ops.equalize_tables(pixels),
    )
    tables = apply_per_kind(_group_index(ops, starts), table_ops, pixels, ops, magnitudes)
    return color_ops.look_up(pixels, tables)


def _fixed_tables(pixels: Tensor, ops: Tensor, magnitudes: Tensor) -> Tensor:
    """Return the tables that do not depend on the pixels."""
    tables = color_ops.invert_tables(len(pixels), pixels.device)
    for op, op_tables in (
        (Op.POSTERIZE, color_ops.posterize_tables(posterize_bits(magnitudes))),
        (Op.SOLARIZE, color_ops.solarize_tables(solarize_threshold(magnitudes))),
        (Op.SOLARIZE_ADD, color_ops.solarize_add_tables(solarize_added(magnitudes))),
        (Op.BRIGHTNESS, color_ops.brightness_tables(enhancement_factor(magnitudes))),
    ):
        tables = torch.where((ops == op)[:, None, None], op_tables, tables)
    return tables.expand(-1, pixels.shape[-1], -1)


def _warp(pixels: Tensor, ops: Tensor, magnitudes: Tensor, signs: Tensor, _: Tensor) -> Tensor:
    """Rotate, shear or translate in the direction of the signs."""
    height, width = pixels.shape[1:3]
    magnitudes = magnitudes * signs
    zero = torch.zeros_like(magnitudes)

    def only(op: Op, values: Tensor) -> Tensor:
        return torch.where(ops == op, values, zero)

    shear, move = shear_factor(magnitudes), translation_part(magnitudes)
    matrices = affine_matrices(
        only(Op.ROTATE, rotation_degrees(magnitudes)),
        torch.stack([only(Op.SHEAR_X, shear), only(Op.SHEAR_Y, shear)], dim=1),
        torch.stack([only(Op.TRANSLATE_X, move * width), only(Op.TRANSLATE_Y, move * height)], 1),
        height=height,
        width=width,
    )
    return warp(pixels, matrices, FILL)


def _cutout(pixels: Tensor, _: Tensor, magnitudes: Tensor, __: Tensor, centres: Tensor) -> Tensor:
    height, width = pixels.shape[1:3]
    half = (cutout_part(magnitudes) * min(height, width)).floor()
    sides = (2 * half)[:, None].expand(-1, 2)
    rows, columns = covered(centres, sides, height=height, width=width)
    return cover(pixels, rows, columns, pixels.new_full((), FILL))


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
