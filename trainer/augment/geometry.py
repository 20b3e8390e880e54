"""Operations that move pixels or cover them, each image its own way.

Pixels are (images, height, width, channels) of any type. Coordinates are Pillow's: x to the
right, y down, a pixel's centre half a pixel from its corner, the image's corner at (0, 0).
"""

import torch
from torch import Tensor


def affine_matrices(
    degrees: Tensor, shears: Tensor, moves: Tensor, *, height: int, width: int
) -> Tensor:
    """Return (images, 2, 3) matrices that lead from a place in the result to its source.

    They do not compose: each image has at most one argument that is not zero.

    Args:
        degrees: (images,) counter-clockwise rotation about the image's centre.
        shears: (images, 2) shift per pixel of height, and per pixel of width, from the upper
            left corner, which stays: as in the released code.
        moves: (images, 2) pixels by which the source lies further right, and further down.
        height: Of the images, pixels.
        width: Of the images, pixels.
    """
    cosine, sine = degrees.deg2rad().cos(), degrees.deg2rad().sin()
    x, y = width / 2, height / 2
    across = torch.stack(
        [cosine, shears[:, 0] - sine, moves[:, 0] + x - cosine * x + sine * y], dim=1
    )
    down = torch.stack(
        [shears[:, 1] + sine, cosine, moves[:, 1] + y - sine * x - cosine * y], dim=1
    )
    return torch.stack([across, down], dim=1)


def warp(pixels: Tensor, matrices: Tensor, fill: int) -> Tensor:
    """Read each pixel of the result where its image's matrix says, from the nearest pixel.

    A frame of one filled pixel around each image catches what lies outside, and one gather of
    whole pixels serves the batch.

    Args:
        pixels: (images, height, width, channels).
        matrices: (images, 2, 3), from a place in the result to its source.
        fill: Level of what lies outside.

    Source: Pillow's Image.transform(AFFINE, NEAREST); places that fall on the border between
    two pixels may go either way.
    """
    count, height, width, channels = pixels.shape
    framed = pixels.new_full((count, height + 2, width + 2, channels), fill)
    framed[:, 1:-1, 1:-1] = pixels
    x = torch.arange(width, device=pixels.device) + 0.5
    y = torch.arange(height, device=pixels.device)[:, None] + 0.5
    (a, b, c), (d, e, f) = matrices[..., None, None].permute(1, 2, 0, 3, 4)
    # In the frame's coordinates, one further, nothing is negative: truncation rounds down.
    columns = (a * x + (b * y + (c + 1))).clamp_(0, width + 1).int()
    rows = (d * x + (e * y + (f + 1))).clamp_(0, height + 1).int()
    first = torch.arange(count, dtype=torch.int32, device=pixels.device)[:, None, None]
    index = rows.mul_(width + 2).add_(columns).add_(first * ((height + 2) * (width + 2)))
    return framed.view(-1, channels).index_select(0, index.flatten()).view_as(pixels)


def covered(centres: Tensor, sides: Tensor, *, height: int, width: int) -> tuple[Tensor, Tensor]:
    """Return which rows (images, height) and columns (images, width) a box covers, bool.

    The box may reach beyond the image: it is cut off there.

    Args:
        centres: (images, 2) row and column of the box's centre as parts of the sides, [0, 1).
        sides: (images, 2) height and width of the box in pixels, whole numbers >= 0.
        height: Of the images, pixels.
        width: Of the images, pixels.
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
    """Fill a box of each image.

    Args:
        pixels: (images, height, width, channels).
        rows: (images, height) bool.
        columns: (images, width) bool.
        fill: Of the pixels' type; one level, or as many as there are pixels.
    """
    count, height, width, channels = pixels.shape
    columns = columns.repeat_interleave(channels, dim=1)  # long rows: three times as fast
    box = rows[:, :, None] & columns[:, None, :]
    flat = (count, height, width * channels)
    fill = fill if fill.ndim == 0 else fill.reshape(flat)
    return torch.where(box, fill, pixels.reshape(flat)).view_as(pixels)
