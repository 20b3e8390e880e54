"""Affine warps and covered boxes, with different parameters for each image.

Coordinates are Pillow's: x to the right, y down, the upper left corner of the image at (0, 0),
the centre of a pixel half a pixel from its corner.
"""

import torch
from torch import Tensor


def affine_matrices(
    degrees: Tensor, shears: Tensor, moves: Tensor, *, height: int, width: int
) -> Tensor:
    """Return matrices (images, 2, 3), float32, from output coordinates to source coordinates.

    The operations are not composed: each image, of height x width pixels, has at most one
    parameter other than zero. `degrees` are (images,) float32, the counter-clockwise rotation
    about the image's centre; `shears` (images, 2) float32, x shift per pixel of height and y
    shift per pixel of width, with a fixed upper left corner as in the released code; `moves`
    (images, 2) float32, x and y shift of the source in pixels.
    """
    cosine, sine = degrees.deg2rad().cos(), degrees.deg2rad().sin()
    x, y = width / 2, height / 2
    across = [cosine, shears[:, 0] - sine, moves[:, 0] + x - cosine * x + sine * y]
    down = [shears[:, 1] + sine, cosine, moves[:, 1] + y - sine * x - cosine * y]
    return torch.stack([*across, *down], dim=1).view(-1, 2, 3)


def warp(pixels: Tensor, matrices: Tensor, fill: int) -> Tensor:
    """Read each output pixel from the nearest source pixel of its image's matrix.

    Each image gets a frame of one filled pixel, which represents everything outside. The batch
    takes one gather of whole pixels. Pixels and result are (images, height, width, channels) of
    any dtype; the matrices are those of `affine_matrices`, and `fill` is the value of pixels
    outside the image.

    Source: Pillow's Image.transform(AFFINE, NEAREST). Coordinates on the border between two
    pixels may be rounded to either.
    """
    count, height, width, channels = pixels.shape
    framed = pixels.new_full((count, height + 2, width + 2, channels), fill)
    framed[:, 1:-1, 1:-1] = pixels
    x = torch.arange(width, device=pixels.device) + 0.5
    y = torch.arange(height, device=pixels.device)[:, None] + 0.5
    (a, b, c), (d, e, f) = matrices[..., None, None].permute(1, 2, 0, 3, 4)
    # In the coordinates of the frame nothing is negative, so truncation rounds down.
    columns = (a * x + (b * y + (c + 1))).clamp_(0, width + 1).int()
    rows = (d * x + (e * y + (f + 1))).clamp_(0, height + 1).int()
    first = torch.arange(count, dtype=torch.int32, device=pixels.device)[:, None, None]
    index = rows.mul_(width + 2).add_(columns).add_(first * ((height + 2) * (width + 2)))
    return framed.view(-1, channels).index_select(0, index.flatten()).view_as(pixels)


def covered(centres: Tensor, sides: Tensor, *, height: int, width: int) -> tuple[Tensor, Tensor]:
    """Return the rows (images, height) and columns (images, width) that a box covers, bool.

    The box is clipped at the border of the image of height x width pixels. Its `centres` are
    (images, 2) float32 in [0, 1), row and column as parts of the image's sides; its `sides`
    (images, 2) float32, height and width in pixels, whole numbers >= 0.
    """
    size = torch.stack([torch.full_like(centres[:, 0], side) for side in (height, width)], dim=1)
    start = (centres * size).floor() - (sides / 2).floor()
    end = start + sides
    rows = torch.arange(height, device=centres.device)
    columns = torch.arange(width, device=centres.device)
    return (
        (rows >= start[:, :1]) & (rows < end[:, :1]),
        (columns >= start[:, 1:]) & (columns < end[:, 1:]),
    )


def cover(pixels: Tensor, rows: Tensor, columns: Tensor, fill: Tensor) -> Tensor:
    """Fill the box of each image that has these rows and columns, from `covered`.

    Pixels and result are (images, height, width, channels) of any dtype; `fill` has the same
    dtype, and is a scalar or has the shape of `pixels`.
    """
    count, height, width, channels = pixels.shape
    columns = columns.repeat_interleave(channels, dim=1)  # long rows are three times as fast
    box = rows[:, :, None] & columns[:, None, :]
    flat = (count, height, width * channels)
    fill = fill if fill.ndim == 0 else fill.reshape(flat)
    return torch.where(box, fill, pixels.reshape(flat)).view_as(pixels)
